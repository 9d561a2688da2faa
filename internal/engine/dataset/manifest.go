package dataset

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// ErrMany says that there is more than the reader wants to hold.
var ErrMany = errors.New("it names too much")

var errNoManifest = errors.New("it is not a JSON array of a prefix and file names")

// Manifest reads a manifest: a JSON array of an object that says the prefix and of at most so many names that follow it.
func Manifest(text []byte, most int) (prefix string, names []string, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	if open, err := d.Token(); err != nil || open != json.Delim('[') || !d.More() {
		return "", nil, errNoManifest
	}
	var head *struct{ Prefix string }
	if d.Decode(&head) != nil {
		return "", nil, errNoManifest
	}
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return "", nil, errNoManifest
		}
		if len(names) == most {
			return "", nil, fmt.Errorf("%w: more than %d files", ErrMany, most)
		}
		names = append(names, name)
	}
	if _, err := d.Token(); err != nil {
		return "", nil, errNoManifest
	}
	if _, err := d.Token(); err != io.EOF {
		return "", nil, errNoManifest
	}
	if head == nil || head.Prefix == "" {
		return "", nil, errors.New("its prefix is empty")
	}
	return head.Prefix, names, nil
}

// Lines gives the lines of an augmented manifest that are not empty, at most so many.
func Lines(text []byte, most int) ([][]byte, error) {
	var out [][]byte
	for line := range bytes.Lines(text) {
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		if len(out) == most {
			return nil, fmt.Errorf("%w: more than %d lines", ErrMany, most)
		}
		out = append(out, line)
	}
	return out, nil
}

// Part is what one attribute of a line stands for: the bytes of the object at URI, or Text.
type Part struct{ URI, Text string }

// refers is how the names of those attributes end that name an object.
const refers = "-ref"

// Augmented gives the parts of a line of an augmented manifest, in the order of the attributes. A text is
// streamed as it is, any other value as its JSON.
func Augmented(line []byte, attributes []string) ([]Part, error) {
	if !utf8.Valid(line) {
		return nil, errors.New("it is not UTF-8")
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(line, &all); err != nil || all == nil {
		return nil, errors.New("it is not a JSON object")
	}
	parts := make([]Part, 0, len(attributes))
	for _, a := range attributes {
		value, ok := all[a]
		if !ok {
			return nil, fmt.Errorf("it has no attribute %s", a)
		}
		var text string
		isText := json.Unmarshal(value, &text) == nil && value[0] == '"'
		switch {
		case !strings.HasSuffix(a, refers):
			if !isText {
				var b bytes.Buffer
				if err := json.Compact(&b, value); err != nil {
					return nil, fmt.Errorf("its attribute %s is not JSON", a)
				}
				text = b.String()
			}
			parts = append(parts, Part{Text: text})
		case !isText || !strings.HasPrefix(text, "s3://"):
			return nil, fmt.Errorf("its attribute %s is not an S3 URI", a)
		default:
			parts = append(parts, Part{URI: text})
		}
	}
	return parts, nil
}
