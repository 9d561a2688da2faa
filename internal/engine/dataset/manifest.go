package dataset

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Manifest reads a manifest: a JSON array of an object that says the prefix and of names that follow it.
func Manifest(text []byte) (prefix string, names []string, err error) {
	bad := errors.New("it is not a JSON array of a prefix and file names")
	var entries []json.RawMessage
	var head struct{ Prefix string }
	if json.Unmarshal(text, &entries) != nil || len(entries) == 0 || json.Unmarshal(entries[0], &head) != nil {
		return "", nil, bad
	}
	if head.Prefix == "" {
		return "", nil, errors.New("its prefix is empty")
	}
	names = make([]string, 0, len(entries)-1)
	for _, e := range entries[1:] {
		var name *string
		if json.Unmarshal(e, &name) != nil || name == nil {
			return "", nil, bad
		}
		names = append(names, *name)
	}
	return head.Prefix, names, nil
}

// Lines gives the lines of an augmented manifest that are not empty.
func Lines(text []byte) [][]byte {
	var out [][]byte
	for line := range bytes.Lines(text) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			out = append(out, line)
		}
	}
	return out
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
