package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"
)

// read reads the pipes that the order names, and those of the channels, pass after pass: the next pass's pipe is there
// when the one before was read.
func (r *record) read(o order) error {
	for _, name := range strings.FieldsFunc(o.get("stream"), func(c rune) bool { return c == ',' }) {
		if err := r.pass(name, name, longest); err != nil {
			return err
		}
	}
	passes, _ := strconv.Atoi(o.get("passes"))
	var channels map[string]struct{ TrainingInputMode string }
	json.Unmarshal([]byte(r.Files[root+"input/config/inputdataconfig.json"].Text), &channels) //nolint:errcheck // there may be none
	for name, c := range channels {
		for n := 0; n < passes && c.TrainingInputMode == "Pipe"; n++ {
			most := int64(longest)
			if name == o.get("early") && n == 0 {
				most = 1
			}
			if err := r.pass(name, fmt.Sprintf("%sinput/data/%s_%d", root, name, n), most); err != nil {
				return err
			}
		}
	}
	return nil
}

// pass reads as much of a pipe.
func (r *record) pass(name, path string, most int64) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, most))
	r.Streams[name] = append(r.Streams[name], text(b))
	return err
}

// text is bytes as JSON can have them: what is no text is in hexadecimal.
func text(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	return hex.EncodeToString(b)
}
