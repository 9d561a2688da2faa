package policy

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// The bounds of a policy's text. AWS refuses documents over MaxSize characters, and the grammar
// itself never needs more than seven levels.
const (
	MaxSize  = 131072
	maxDepth = 12
)

// Position is a place in a document, both counted from 1, columns in characters.
type Position struct {
	Line   int `json:"line"`
	Column int `json:"column"`
}

type nodeKind uint8

const (
	objectNode nodeKind = iota
	arrayNode
	stringNode
	numberNode
	boolNode
	nullNode
)

// node is one JSON value that remembers where it stood; encoding/json forgets positions, order and
// duplicate members, and a policy's refusal depends on all three.
type node struct {
	kind       nodeKind
	text       string // a string's value, or a number's or boolean's literal
	members    []member
	items      []node
	start, end int
}

type member struct {
	name  string
	at    int
	value node
}

type reader struct {
	text  string
	at    int
	lines []int // offsets of the first byte of each line

	// The last position asked for: the next is mostly later on the same line, and counting from there
	// keeps many questions about one long line linear.
	lastAt int
	last   Position
}

func newReader(text string) *reader {
	r := &reader{text: text, lines: []int{0}}
	for i := 0; i < len(text); i++ {
		if text[i] == '\n' {
			r.lines = append(r.lines, i+1)
		}
	}
	return r
}

func (r *reader) position(offset int) Position {
	line := sort.Search(len(r.lines), func(i int) bool { return r.lines[i] > offset })
	from, column := r.lines[line-1], 1
	if r.last.Line == line && r.lastAt <= offset {
		from, column = r.lastAt, r.last.Column
	}
	r.lastAt, r.last = offset, Position{line, column + utf8.RuneCountInString(r.text[from:offset])}
	return r.last
}

func (r *reader) fail(at int, defect Defect, format string, args ...any) *SyntaxError {
	return &SyntaxError{Position: r.position(at), Defect: defect, Message: fmt.Sprintf(format, args...)}
}

func (r *reader) document() (node, *SyntaxError) {
	n, err := r.value(0)
	if err != nil {
		return n, err
	}
	r.space()
	if r.at < len(r.text) {
		return n, r.fail(r.at, NotJSON, "text after the end of the document")
	}
	return n, nil
}

func (r *reader) space() {
	for r.at < len(r.text) && strings.IndexByte(" \t\r\n", r.text[r.at]) >= 0 {
		r.at++
	}
}

// peek gives the next byte that is not white space, 0 at the end.
func (r *reader) peek() byte {
	r.space()
	if r.at == len(r.text) {
		return 0
	}
	return r.text[r.at]
}

func (r *reader) value(depth int) (n node, err *SyntaxError) {
	if depth > maxDepth {
		return n, r.fail(r.at, NotJSON, "nested more than %d levels deep", maxDepth)
	}
	c := r.peek()
	n.start = r.at
	switch {
	case c == '{':
		n.kind = objectNode
		n.members, err = r.object(depth)
	case c == '[':
		n.kind = arrayNode
		n.items, err = r.array(depth)
	case c == '"':
		n.kind = stringNode
		n.text, err = r.str()
	case c == '-' || c >= '0' && c <= '9':
		n.kind = numberNode
		n.text, err = r.number()
	default:
		n.kind, n.text, err = r.word()
	}
	n.end = r.at
	return n, err
}

func (r *reader) object(depth int) ([]member, *SyntaxError) {
	var members []member
	r.at++
	if r.peek() == '}' {
		r.at++
		return nil, nil
	}
	for {
		if r.peek() != '"' {
			return nil, r.fail(r.at, NotJSON, "expected a member name")
		}
		m := member{at: r.at}
		var err *SyntaxError
		if m.name, err = r.str(); err != nil {
			return nil, err
		}
		if r.peek() != ':' {
			return nil, r.fail(r.at, NotJSON, "expected ':' after %q", m.name)
		}
		r.at++
		if m.value, err = r.value(depth + 1); err != nil {
			return nil, err
		}
		members = append(members, m)
		done, err := r.next('}')
		if done || err != nil {
			return members, err
		}
	}
}

func (r *reader) array(depth int) ([]node, *SyntaxError) {
	var items []node
	r.at++
	if r.peek() == ']' {
		r.at++
		return nil, nil
	}
	for {
		item, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
		done, err := r.next(']')
		if done || err != nil {
			return items, err
		}
	}
}

// next steps over a comma, or over the closing byte, which it reports.
func (r *reader) next(closing byte) (done bool, err *SyntaxError) {
	switch c := r.peek(); c {
	case ',', closing:
		r.at++
		return c == closing, nil
	}
	return false, r.fail(r.at, NotJSON, "expected ',' or '%c'", closing)
}

func (r *reader) word() (nodeKind, string, *SyntaxError) {
	for i, word := range [...]string{"true", "false", "null"} {
		if strings.HasPrefix(r.text[r.at:], word) {
			r.at += len(word)
			return [...]nodeKind{boolNode, boolNode, nullNode}[i], word, nil
		}
	}
	if r.at == len(r.text) {
		return 0, "", r.fail(r.at, NotJSON, "the document ends too early")
	}
	return 0, "", r.fail(r.at, NotJSON, "expected a value")
}

func (r *reader) number() (string, *SyntaxError) {
	start := r.at
	for r.at < len(r.text) && strings.IndexByte("+-.eE0123456789", r.text[r.at]) >= 0 {
		r.at++
	}
	text := r.text[start:r.at]
	digits := strings.TrimPrefix(text, "-")
	_, err := strconv.ParseFloat(text, 64)
	// A value out of range is still well-formed; ParseFloat is laxer than JSON on the rest.
	if (err != nil && !strings.Contains(err.Error(), "range")) || digits == "" || digits[0] == '.' || digits[0] == '+' ||
		strings.HasSuffix(digits, ".") || strings.Contains(digits, ".e") || strings.Contains(digits, ".E") ||
		(len(digits) > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9') {
		return "", r.fail(start, NotJSON, "malformed number")
	}
	return text, nil
}

func (r *reader) str() (string, *SyntaxError) {
	start := r.at
	r.at++
	end := r.at
	for end < len(r.text) && r.text[end] != '"' && r.text[end] != '\\' && r.text[end] >= ' ' {
		end++
	}
	if end < len(r.text) && r.text[end] == '"' {
		s := r.text[r.at:end]
		r.at = end + 1
		return s, nil
	}
	var b strings.Builder
	for r.at < len(r.text) {
		switch c := r.text[r.at]; {
		case c == '"':
			r.at++
			return b.String(), nil
		case c < ' ':
			return "", r.fail(r.at, NotJSON, "control character in a string")
		case c == '\\':
			if err := r.escape(&b); err != nil {
				return "", err
			}
		default:
			b.WriteByte(c)
			r.at++
		}
	}
	return "", r.fail(start, NotJSON, "string without an end")
}

func (r *reader) escape(b *strings.Builder) *SyntaxError {
	if r.at+1 >= len(r.text) {
		return r.fail(r.at, NotJSON, "string without an end")
	}
	c := r.text[r.at+1]
	if c == 'u' {
		return r.unicode(b)
	}
	i := strings.IndexByte(`"\/bfnrt`, c)
	if i < 0 {
		return r.fail(r.at, NotJSON, "unknown escape")
	}
	b.WriteByte("\"\\/\b\f\n\r\t"[i])
	r.at += 2
	return nil
}

func (r *reader) unicode(b *strings.Builder) *SyntaxError {
	first, ok := r.hex(r.at)
	if !ok {
		return r.fail(r.at, NotJSON, "malformed \\u escape")
	}
	r.at += 6
	if utf16.IsSurrogate(first) {
		if second, ok := r.hex(r.at); ok {
			if pair := utf16.DecodeRune(first, second); pair != utf8.RuneError {
				r.at += 6
				first = pair
			}
		}
	}
	b.WriteRune(first) // a lone surrogate becomes U+FFFD, as everywhere in Go
	return nil
}

// hex reads \uXXXX at offset i.
func (r *reader) hex(i int) (rune, bool) {
	if i+6 > len(r.text) || r.text[i] != '\\' || r.text[i+1] != 'u' {
		return 0, false
	}
	v, err := strconv.ParseUint(r.text[i+2:i+6], 16, 32)
	return rune(v), err == nil
}
