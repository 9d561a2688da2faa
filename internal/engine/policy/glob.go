package policy

import (
	"strings"
	"unicode/utf8"
)

// glob is a compiled pattern: runs of literals, single wildcards and variables between stars. A run
// in the middle is looked for from the left and never tried again, so there is no backtracking over
// stars: the cost is at most the pattern's length times the text's, and the text's length alone for
// runs of one literal.
type glob struct {
	first, last []piece   // anchored at the two ends; last is unused without a star
	middle      [][]piece // between stars
	star        bool
	least       int // bytes that the literals and single wildcards need
	literal     string
	plain       bool // the whole pattern is the literal
}

func newGlob(pieces []piece) glob {
	g := glob{}
	var runs [][]piece
	from := 0
	for i := range pieces {
		switch pieces[i].kind {
		case anyRun:
			runs = append(runs, pieces[from:i])
			from = i + 1
		case anyOne:
			g.least++
		case literal:
			g.least += len(pieces[i].text)
		}
	}
	runs = append(runs, pieces[from:])
	g.first = runs[0]
	if len(runs) > 1 {
		g.star = true
		g.last = runs[len(runs)-1]
		g.middle = runs[1 : len(runs)-1]
		return g
	}
	switch {
	case len(g.first) == 0:
		g.plain = true
	case len(g.first) == 1 && g.first[0].kind == literal:
		g.plain, g.literal = true, g.first[0].text
	}
	return g
}

// everything tells whether the pattern is "*".
func (g *glob) everything() bool {
	return g.star && len(g.first) == 0 && len(g.middle) == 0 && len(g.last) == 0
}

func (g *glob) match(s string, c *Context) bool {
	if g.plain {
		return s == g.literal
	}
	if len(s) < g.least {
		return false
	}
	n, ok := prefix(g.first, s, c)
	if !ok || !g.star {
		return ok && n == len(s)
	}
	end, ok := suffix(g.last, s[n:], c)
	if !ok {
		return false
	}
	s = s[n : n+end]
	for _, run := range g.middle {
		if s, ok = after(run, s, c); !ok {
			return false
		}
	}
	return true
}

// prefix matches a run at the start of s and gives the bytes it took.
func prefix(run []piece, s string, c *Context) (int, bool) {
	at := 0
	for i := range run {
		if run[i].kind == anyOne {
			if at == len(s) {
				return 0, false
			}
			_, n := utf8.DecodeRuneInString(s[at:])
			at += n
			continue
		}
		text, ok := run[i].value(c)
		if !ok || !strings.HasPrefix(s[at:], text) {
			return 0, false
		}
		at += len(text)
	}
	return at, true
}

// suffix matches a run at the end of s and gives where it begins.
func suffix(run []piece, s string, c *Context) (int, bool) {
	end := len(s)
	for i := len(run) - 1; i >= 0; i-- {
		if run[i].kind == anyOne {
			if end == 0 {
				return 0, false
			}
			_, n := utf8.DecodeLastRuneInString(s[:end])
			end -= n
			continue
		}
		text, ok := run[i].value(c)
		if !ok || !strings.HasSuffix(s[:end], text) {
			return 0, false
		}
		end -= len(text)
	}
	return end, true
}

// after finds a run in s, leftmost, and gives what follows it.
func after(run []piece, s string, c *Context) (string, bool) {
	if len(run) == 1 && run[0].kind != anyOne {
		text, ok := run[0].value(c)
		i := strings.Index(s, text)
		if !ok || i < 0 {
			return "", false
		}
		return s[i+len(text):], true
	}
	for i := 0; ; {
		if n, ok := prefix(run, s[i:], c); ok {
			return s[i+n:], true
		}
		if i == len(s) {
			return "", false
		}
		_, n := utf8.DecodeRuneInString(s[i:])
		i += n
	}
}
