package batch

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"strings"
)

// Kind is the form of records that are filtered and joined.
type Kind string

const (
	CSV       Kind = "text/csv"
	JSON      Kind = "application/json"
	JSONLines Kind = "application/jsonlines"
)

// Process is what happens to records before they are sent and to answers before they are kept.
type Process struct {
	Kind          Kind
	Input, Output *Path
	Join          bool // with the whole input, whatever the input filter leaves
}

// Idle says that there is nothing to do.
func (p *Process) Idle() bool { return !p.Join && p.Input.Whole() && p.Output.Whole() }

// Send is the body of a request: of each record what the input filter leaves.
func (p *Process) Send(r Request) ([]byte, error) {
	if p.Input.Whole() {
		return r.Body, nil
	}
	var out []byte
	for i, b := range p.records(r.Body) {
		v, err := p.read(b)
		if err == nil {
			v, err = p.Input.find(v)
		}
		if err == nil {
			out, err = p.write(out, v)
		}
		if err != nil {
			return nil, &RecordError{r.First + i, err}
		}
	}
	return out, nil
}

// Keep is what is kept of an answer to a request: of each record's answer, joined with the record if that is
// asked, what the output filter leaves.
func (p *Process) Keep(r Request, answer []byte) ([]byte, error) {
	if !p.Join && p.Output.Whole() {
		return answer, nil
	}
	asked, answered := p.records(r.Body), p.records(answer)
	if p.Join && len(asked) != len(answered) {
		return nil, &RecordError{r.First, fmt.Errorf("the answer to %d records has %d", len(asked), len(answered))}
	}
	var out []byte
	for i, b := range answered {
		v, err := p.read(b)
		if err == nil && p.Join {
			v, err = p.join(asked[i], v)
		}
		if err == nil {
			v, err = p.Output.find(v)
		}
		if err == nil {
			out, err = p.write(out, v)
		}
		if err != nil {
			return nil, &RecordError{r.First + i, err}
		}
	}
	return out, nil
}

// records takes a body apart: into lines, but a JSON body is one.
func (p *Process) records(body []byte) (out [][]byte) {
	if p.Kind == JSON {
		return [][]byte{body}
	}
	for l := range bytes.Lines(body) {
		if l = bytes.TrimRight(l, "\r\n"); len(l) > 0 {
			out = append(out, l)
		}
	}
	return out
}

// read makes a value of a record: a row of CSV is an array of texts.
func (p *Process) read(b []byte) (*node, error) {
	if p.Kind != CSV {
		return parseJSON(b)
	}
	r := csv.NewReader(bytes.NewReader(b))
	row, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("malformed CSV: %w", err)
	}
	n := &node{kind: '['}
	for _, cell := range row {
		n.entries = append(n.entries, &node{raw: []byte(cell)})
	}
	return n, nil
}

func (p *Process) join(asked []byte, answer *node) (*node, error) {
	in, err := p.read(asked)
	if err != nil {
		return nil, err
	}
	switch {
	case p.Kind == CSV:
		return &node{kind: '[', entries: append(in.entries[:len(in.entries):len(in.entries)], answer.entries...)}, nil
	case in.kind == '{':
		return in.with("SageMakerOutput", answer), nil
	}
	return &node{kind: '{', names: []string{"SageMakerInput", "SageMakerOutput"}, entries: []*node{in, answer}}, nil
}

// write appends a record, with the end of its line if it is one.
func (p *Process) write(out []byte, v *node) ([]byte, error) {
	switch p.Kind {
	case JSON:
		return v.append(out), nil
	case JSONLines:
		return append(v.append(out), '\n'), nil
	}
	cells := v.entries
	if v.kind == 0 {
		cells = []*node{v}
	}
	row := make([]string, len(cells))
	for i, c := range cells {
		if c.kind != 0 {
			return nil, errors.New("a row of CSV has no rows within")
		}
		row[i] = string(c.raw)
	}
	var b strings.Builder
	w := csv.NewWriter(&b)
	if err := w.Write(row); err != nil {
		return nil, err
	}
	w.Flush()
	return append(out, b.String()...), nil
}

// Assemble appends an answer to an output: as it is, or as lines.
func Assemble(out, answer []byte, lines bool) []byte {
	out = append(out, answer...)
	if lines && (len(answer) == 0 || answer[len(answer)-1] != '\n') {
		out = append(out, '\n')
	}
	return out
}
