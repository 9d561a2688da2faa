package wire

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/dlclark/regexp2"
)

// matcher is a compiled pattern.
type matcher interface{ matches(s string) bool }

// match tells whether s matches the shape's pattern as a whole; AWS anchors every pattern.
func (p *plan) match(s string) bool {
	p.patterns.Do(func() { p.matcher = compile(p.shape.Pattern) })
	return p.matcher.matches(s)
}

type (
	linear      struct{ *regexp.Regexp }
	backtracker struct{ *regexp2.Regexp }
	lenient     struct{}
)

func (m linear) matches(s string) bool { return m.MatchString(s) }

// matches refuses a text that takes too long: a slow match is an attack, not a name.
func (m backtracker) matches(s string) bool {
	ok, err := m.MatchString(s)
	return ok && err == nil
}

func (lenient) matches(string) bool { return true }

// slowest is how long a pattern with look-around may take over one text.
const slowest = 50 * time.Millisecond

// compile turns a pattern of the models, which are Java's, into one of ours: Go's own engine where it
// can, one that backtracks where the pattern looks around. A pattern that neither knows checks nothing.
func compile(pattern string) matcher {
	whole := `^(?:` + unicodeEscapes(javaClasses(pattern)) + `)$`
	if r, err := regexp.Compile(whole); err == nil {
		return linear{r}
	}
	r, err := regexp2.Compile(`\A(?:`+javaClasses(pattern)+`)\z`, regexp2.None)
	if err != nil {
		return lenient{}
	}
	r.MatchTimeout = slowest
	return backtracker{r}
}

// unicodeEscapes rewrites \uXXXX to Go's \x{XXXX}, and two that are a surrogate pair to one.
func unicodeEscapes(p string) string {
	var b strings.Builder
	for i := 0; i < len(p); i++ {
		r, ok := escapedRune(p[i:])
		if !ok {
			b.WriteByte(p[i])
			if p[i] == '\\' && i+1 < len(p) {
				i++
				b.WriteByte(p[i])
			}
			continue
		}
		i += 5
		if low, ok := escapedRune(p[i+1:]); ok && utf16.DecodeRune(r, low) != utf8.RuneError {
			r = utf16.DecodeRune(r, low)
			i += 6
		}
		fmt.Fprintf(&b, `\x{%X}`, r)
	}
	return b.String()
}

func escapedRune(p string) (rune, bool) {
	if len(p) < 6 || p[:2] != `\u` {
		return 0, false
	}
	n, err := strconv.ParseUint(p[2:6], 16, 16)
	return rune(n), err == nil
}

var classes = map[string]string{"Alnum": `a-zA-Z0-9`, "Alpha": `a-zA-Z`, "Digit": `0-9`, "Graph": `\x21-\x7E`, "Print": `\x20-\x7E`,
	"Punct": "!-/:-@\\[-`{-~", "ASCII": `\x00-\x7F`, "Space": `\s`, "Upper": `A-Z`, "Lower": `a-z`, "XDigit": `0-9A-Fa-f`}

// javaClasses rewrites Java's \p{Alnum} and its like, inside a set and outside.
func javaClasses(p string) string {
	var b strings.Builder
	inSet := false
	for i := 0; i < len(p); i++ {
		if p[i] == '\\' && i+1 < len(p) {
			name, _, _ := strings.Cut(strings.TrimPrefix(p[i:], `\p{`), "}")
			set, known := classes[name]
			switch {
			case !known || !strings.HasPrefix(p[i:], `\p{`):
				b.WriteString(p[i : i+2])
				i++
				continue
			case !inSet:
				set = "[" + set + "]"
			}
			b.WriteString(set)
			i += len(name) + 3
			continue
		}
		inSet = inSet && p[i] != ']' || p[i] == '['
		b.WriteByte(p[i])
	}
	return b.String()
}
