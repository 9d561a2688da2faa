package batch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// node is a JSON value that keeps the order of members and the text of numbers.
type node struct {
	kind    byte // '{', '[' or 0 for the others, whose text is raw
	raw     []byte
	names   []string // of the values of an object
	entries []*node
}

// deepest bounds nesting.
const deepest = 512

// parseJSON reads one value and nothing after it.
func parseJSON(b []byte) (*node, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	n, err := readNode(d, 0)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, fmt.Errorf("malformed JSON: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("malformed JSON: there is more than one value")
	}
	return n, nil
}

func readNode(d *json.Decoder, depth int) (*node, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	if depth > deepest {
		return nil, errors.New("nested too deeply")
	}
	open, ok := t.(json.Delim)
	if s, ok := t.(string); ok {
		return &node{raw: text(s)}, nil
	}
	if !ok {
		raw, err := json.Marshal(t)
		return &node{raw: raw}, err
	}
	n := &node{kind: byte(open)}
	for d.More() {
		if open == '{' {
			name, err := d.Token()
			if err != nil {
				return nil, err
			}
			n.names = append(n.names, name.(string))
		}
		v, err := readNode(d, depth+1)
		if err != nil {
			return nil, err
		}
		n.entries = append(n.entries, v)
	}
	_, err = d.Token()
	return n, err
}

func text(s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.Encode(s) //nolint:errcheck // a string always encodes
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// append writes the value without spaces.
func (n *node) append(b []byte) []byte {
	switch n.kind {
	case '{':
		b = append(b, '{')
		for i, v := range n.entries {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(append(b, text(n.names[i])...), ':')
			b = v.append(b)
		}
		return append(b, '}')
	case '[':
		b = append(b, '[')
		for i, v := range n.entries {
			if i > 0 {
				b = append(b, ',')
			}
			b = v.append(b)
		}
		return append(b, ']')
	}
	return append(b, n.raw...)
}

// member gives the value of a name; the last of several, as JSON parsers do.
func (n *node) member(name string) *node {
	if n.kind != '{' {
		return nil
	}
	for i := len(n.names) - 1; i >= 0; i-- {
		if n.names[i] == name {
			return n.entries[i]
		}
	}
	return nil
}

// with is an object with one more member, or another value of one that it has.
func (n *node) with(name string, v *node) *node {
	out := &node{kind: '{'}
	for i, have := range n.names {
		if have != name {
			out.names, out.entries = append(out.names, have), append(out.entries, n.entries[i])
		}
	}
	out.names, out.entries = append(out.names, name), append(out.entries, v)
	return out
}
