package policy

import "strings"

type pieceKind uint8

const (
	literal  pieceKind = iota
	anyOne             // ?: exactly one character
	anyRun             // *: any run of characters
	variable           // ${key}: the value of a condition key, taken literally
)

// piece is one part of a pattern or of a text with policy variables.
type piece struct {
	kind     pieceKind
	text     string // a literal's text, or a variable's default
	key      keyName
	fallback bool // the variable has a default
}

// language says what a text may hold besides literal characters.
type language struct{ wildcards, variables bool }

// parsePieces splits a text. Variables need version 2012-10-17; before it, and where one is not
// closed, "${" is two plain characters.
func parsePieces(s string, l language) []piece {
	var pieces []piece
	start := 0
	plain := func(end int) {
		if end > start {
			pieces = append(pieces, piece{text: s[start:end]})
		}
	}
	for i := 0; i < len(s); {
		switch {
		case l.wildcards && (s[i] == '*' || s[i] == '?'):
			plain(i)
			kind := anyRun
			if s[i] == '?' {
				kind = anyOne
			}
			if kind != anyRun || len(pieces) == 0 || pieces[len(pieces)-1].kind != anyRun {
				pieces = append(pieces, piece{kind: kind}) // "**" is "*"
			}
			i++
			start = i
		case l.variables && s[i] == '$' && i+1 < len(s) && s[i+1] == '{':
			v, n := parseVariable(s[i:])
			if n == 0 {
				l.variables = false // nothing after this can be closed either
				continue
			}
			plain(i)
			pieces = append(pieces, v)
			i += n
			start = i
		default:
			i++
		}
	}
	plain(len(s))
	return pieces
}

// maxDefault bounds how far the end of a default is looked for, so that a text full of open ones
// stays cheap.
const maxDefault = 2048

// parseVariable reads ${key}, ${key, 'default'} or one of the escapes ${*}, ${?}, ${$} at the start
// of s, and gives its length, 0 when it is not closed.
func parseVariable(s string) (piece, int) {
	end := strings.IndexByte(s, '}')
	if end < 0 {
		return piece{}, 0
	}
	name := s[2:end]
	if name == "*" || name == "?" || name == "$" {
		return piece{text: name}, end + 1
	}
	comma := strings.IndexByte(name, ',')
	if comma < 0 {
		return piece{kind: variable, key: nameKey(strings.TrimSpace(name))}, end + 1
	}
	v := piece{kind: variable, key: nameKey(strings.TrimSpace(name[:comma])), fallback: true}
	rest := strings.TrimLeft(s[2+comma+1:], " ")
	from := len(s) - len(rest)
	if len(rest) > maxDefault {
		rest = rest[:maxDefault]
	}
	if close := strings.Index(rest, "'}"); close > 0 && rest[0] == '\'' {
		v.text = rest[1:close]
		return v, from + close + 2
	}
	v.text = strings.TrimSpace(name[comma+1:])
	return v, end + 1
}

// hasVariables tells whether matching needs a request's context.
func hasVariables(pieces []piece) bool {
	for i := range pieces {
		if pieces[i].kind == variable {
			return true
		}
	}
	return false
}

// value is what a piece stands for: false when it is a variable without a value and without a
// default. A key with several values cannot be a variable.
func (p *piece) value(c *Context) (string, bool) {
	if p.kind == literal {
		return p.text, true
	}
	if v := c.find(&p.key); v != nil && !v.many() {
		return v.text, true
	}
	return p.text, p.fallback
}

// substitute puts literals in the place of variables; false when one has no value.
func substitute(pieces []piece, c *Context) ([]piece, bool) {
	out := make([]piece, len(pieces))
	for i := range pieces {
		out[i] = pieces[i]
		if pieces[i].kind == variable {
			text, ok := pieces[i].value(c)
			if !ok {
				return nil, false
			}
			out[i] = piece{text: text}
		}
	}
	return out, true
}

// expand gives the text of pieces that hold no wildcards.
func expand(pieces []piece, c *Context) (string, bool) {
	if len(pieces) == 1 {
		return pieces[0].value(c)
	}
	var b strings.Builder
	for i := range pieces {
		text, ok := pieces[i].value(c)
		if !ok {
			return "", false
		}
		b.WriteString(text)
	}
	return b.String(), true
}
