package recordio

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
)

// maxDepth bounds the nesting of JSON that is passed over.
const maxDepth = 64

var errJSON = errors.New("malformed JSON")

// scanner walks over JSON text without building values from it.
type scanner struct {
	data  []byte
	at    int
	depth int
}

// peek gives the next byte that is not white space, 0 at the end.
func (s *scanner) peek() byte {
	for ; s.at < len(s.data); s.at++ {
		switch c := s.data[s.at]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

func (s *scanner) take(c byte) error {
	if s.peek() != c || s.at >= len(s.data) {
		return fmt.Errorf("%w: expected %q", errJSON, c)
	}
	s.at++
	return nil
}

func (s *scanner) end() error {
	if s.peek(); s.at < len(s.data) {
		return fmt.Errorf("%w: text after the value", errJSON)
	}
	return nil
}

// object calls member after each name; it must consume the value.
func (s *scanner) object(member func(name []byte) error) error {
	return s.list('{', '}', func() error {
		name, err := s.text()
		if err != nil {
			return err
		}
		if err := s.take(':'); err != nil {
			return err
		}
		return member(name)
	})
}

// array calls element at each element; it must consume the value.
func (s *scanner) array(element func() error) error { return s.list('[', ']', element) }

func (s *scanner) list(open, shut byte, item func() error) error {
	if err := s.take(open); err != nil {
		return err
	}
	if s.depth++; s.depth > maxDepth {
		return fmt.Errorf("%w: nested deeper than %d", errJSON, maxDepth)
	}
	defer func() { s.depth-- }()
	if s.peek() == shut {
		s.at++
		return nil
	}
	for {
		if err := item(); err != nil {
			return err
		}
		if s.peek() == shut {
			s.at++
			return nil
		}
		if err := s.take(','); err != nil {
			return err
		}
	}
}

// text gives a string's content; one with escapes is decoded.
func (s *scanner) text() ([]byte, error) {
	if err := s.take('"'); err != nil {
		return nil, err
	}
	start, escaped := s.at, false
	for ; s.at < len(s.data); s.at++ {
		switch c := s.data[s.at]; {
		case c == '"':
			s.at++
			if escaped {
				return unescape(s.data[start-1 : s.at])
			}
			return s.data[start : s.at-1], nil
		case c == '\\':
			escaped = true
			s.at++
		case c < ' ':
			return nil, fmt.Errorf("%w: control character in a string", errJSON)
		}
	}
	return nil, fmt.Errorf("%w: string without an end", errJSON)
}

func unescape(quoted []byte) ([]byte, error) {
	var text string
	if err := json.Unmarshal(quoted, &text); err != nil {
		return nil, fmt.Errorf("%w: bad escape in a string", errJSON)
	}
	return []byte(text), nil
}

func (s *scanner) token() []byte {
	s.peek()
	start := s.at
	for ; s.at < len(s.data); s.at++ {
		switch c := s.data[s.at]; {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '-', c == '+', c == '.':
		default:
			return s.data[start:s.at]
		}
	}
	return s.data[start:]
}

func (s *scanner) number() (float32, error) {
	token := s.token()
	if value, ok := parseWhole(token); ok && (len(token) == 1 || len(token) > 1 && token[0] != '0') {
		return value, nil
	}
	if !isNumber(token) {
		return 0, fmt.Errorf("%w: expected a number", errJSON)
	}
	value, err := strconv.ParseFloat(string(token), 32)
	if err != nil || math.IsInf(value, 0) {
		return 0, fmt.Errorf("%.40q is not a finite 32-bit number", token)
	}
	return float32(value), nil
}

// isNumber tells whether token follows JSON's grammar of numbers.
func isNumber(token []byte) bool {
	rest := token
	if len(rest) > 0 && rest[0] == '-' {
		rest = rest[1:]
	}
	whole := digits(rest)
	if whole == 0 || whole > 1 && rest[0] == '0' {
		return false
	}
	if rest = rest[whole:]; len(rest) > 0 && rest[0] == '.' {
		n := digits(rest[1:])
		if n == 0 {
			return false
		}
		rest = rest[1+n:]
	}
	if len(rest) > 0 && (rest[0] == 'e' || rest[0] == 'E') {
		if rest = rest[1:]; len(rest) > 0 && (rest[0] == '+' || rest[0] == '-') {
			rest = rest[1:]
		}
		n := digits(rest)
		if n == 0 {
			return false
		}
		rest = rest[n:]
	}
	return len(rest) == 0
}

func digits(text []byte) int {
	n := 0
	for n < len(text) && text[n] >= '0' && text[n] <= '9' {
		n++
	}
	return n
}

// skip passes over one value of any type.
func (s *scanner) skip() error {
	switch s.peek() {
	case '{':
		return s.object(func([]byte) error { return s.skip() })
	case '[':
		return s.array(s.skip)
	case '"':
		_, err := s.text()
		return err
	}
	switch token := s.token(); string(token) {
	case "true", "false", "null":
		return nil
	default:
		if isNumber(token) {
			return nil
		}
		return fmt.Errorf("%w: expected a value", errJSON)
	}
}
