package wire

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"cloister/internal/value/fault"
)

// jsonReader reads one JSON text from left to right. Every method that returns false has met bytes
// that are not JSON, or nesting deeper than the limit.
type jsonReader struct {
	b     []byte
	i     int
	depth int
}

// broken is AWS's answer to what is not JSON: a code and no sentence.
func broken() *fault.Fault { return serialization.New("") }

// next gives the first byte of the next token, 0 at the end.
func (r *jsonReader) next() byte {
	for ; r.i < len(r.b); r.i++ {
		switch c := r.b[r.i]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

// take steps over c when it is next.
func (r *jsonReader) take(c byte) bool {
	if r.next() != c || r.i >= len(r.b) {
		return false
	}
	r.i++
	return true
}

func (r *jsonReader) word(w string) bool {
	if len(r.b)-r.i < len(w) || string(r.b[r.i:r.i+len(w)]) != w {
		return false
	}
	r.i += len(w)
	return true
}

// each walks an object or a list: open and shut are its brackets, item reads one key or element.
func (r *jsonReader) each(open, shut byte, item func() (bool, error)) (bool, error) {
	if r.depth++; r.depth > depthLimit || !r.take(open) {
		return false, nil
	}
	defer func() { r.depth-- }()
	if r.take(shut) {
		return true, nil
	}
	for {
		if ok, err := item(); !ok || err != nil {
			return ok, err
		}
		if r.take(shut) {
			return true, nil
		}
		if !r.take(',') {
			return false, nil
		}
	}
}

// key reads an object's key with the colon after it.
func (r *jsonReader) key() (string, bool) {
	s, ok := r.text()
	return s, ok && r.take(':')
}

// text reads a string.
func (r *jsonReader) text() (string, bool) {
	if !r.take('"') {
		return "", false
	}
	start := r.i
	for ; r.i < len(r.b); r.i++ {
		switch c := r.b[r.i]; {
		case c == '"':
			s := r.b[start:r.i]
			r.i++
			return string(s), utf8.Valid(s)
		case c == '\\':
			return r.escaped(start)
		case c < ' ':
			return "", false
		}
	}
	return "", false
}

// escaped goes on where text met the first backslash.
func (r *jsonReader) escaped(start int) (string, bool) {
	out := append(make([]byte, 0, r.i-start+32), r.b[start:r.i]...)
	for r.i < len(r.b) {
		c := r.b[r.i]
		r.i++
		switch {
		case c == '"':
			return string(out), utf8.Valid(out)
		case c < ' ':
			return "", false
		case c != '\\':
			out = append(out, c)
		default:
			var ok bool
			if out, ok = r.escape(out); !ok {
				return "", false
			}
		}
	}
	return "", false
}

const (
	escapeLetters = `"\/bfnrt`
	escapeValues  = "\"\\/\b\f\n\r\t"
)

func (r *jsonReader) escape(out []byte) ([]byte, bool) {
	if r.i >= len(r.b) {
		return nil, false
	}
	c := r.b[r.i]
	r.i++
	if c == 'u' {
		one, ok := r.hex()
		if !ok {
			return nil, false
		}
		if utf16.IsSurrogate(one) && r.i+1 < len(r.b) && r.b[r.i] == '\\' && r.b[r.i+1] == 'u' {
			at := r.i
			r.i += 2
			two, ok := r.hex()
			if !ok {
				return nil, false
			}
			if both := utf16.DecodeRune(one, two); both != utf8.RuneError {
				return utf8.AppendRune(out, both), true
			}
			r.i = at
		}
		return utf8.AppendRune(out, one), true // a lone surrogate becomes U+FFFD
	}
	for i := range len(escapeLetters) {
		if escapeLetters[i] == c {
			return append(out, escapeValues[i]), true
		}
	}
	return nil, false
}

func (r *jsonReader) hex() (rune, bool) {
	if len(r.b)-r.i < 4 {
		return 0, false
	}
	n, err := strconv.ParseUint(string(r.b[r.i:r.i+4]), 16, 16)
	r.i += 4
	return rune(n), err == nil
}

// number reads a number as it is written.
func (r *jsonReader) number() (string, bool) {
	start := r.i
	r.word("-")
	digits := func() bool {
		from := r.i
		for r.i < len(r.b) && r.b[r.i] >= '0' && r.b[r.i] <= '9' {
			r.i++
		}
		return r.i > from
	}
	if !r.word("0") && !digits() {
		return "", false
	}
	if r.word(".") && !digits() {
		return "", false
	}
	if r.word("e") || r.word("E") {
		if !r.word("+") {
			r.word("-")
		}
		if !digits() {
			return "", false
		}
	}
	return string(r.b[start:r.i]), true
}

// skip steps over any value.
func (r *jsonReader) skip() bool {
	switch r.next() {
	case '{':
		ok, _ := r.each('{', '}', func() (bool, error) {
			_, ok := r.key()
			return ok && r.skip(), nil
		})
		return ok
	case '[':
		ok, _ := r.each('[', ']', func() (bool, error) { return r.skip(), nil })
		return ok
	case '"':
		_, ok := r.text()
		return ok
	case 't':
		return r.word("true")
	case 'f':
		return r.word("false")
	case 'n':
		return r.word("null")
	}
	_, ok := r.number()
	return ok
}
