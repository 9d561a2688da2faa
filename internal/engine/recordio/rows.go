package recordio

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
)

const (
	// MaxLine bounds one line of text data.
	MaxLine = MaxRecord
	// MaxValues bounds the features of one request: sparse rows claim far more than they send.
	MaxValues = 1 << 26
)

var errTooLarge = fmt.Errorf("the request has more than %d features in all", MaxValues)

// RowReader takes rows of features from a stream of training data, RecordIO or CSV.
type RowReader struct {
	next      func() ([]byte, error)
	fill      func(row []float32, item []byte) error
	row       int
	labelSize int
}

// NewRowReader reads source as content says. In training data the first CSV column is the label
// unless label_size says otherwise.
func NewRowReader(source io.Reader, content ContentType) (*RowReader, error) {
	buffered := bufio.NewReaderSize(source, 1<<18)
	switch content.Format {
	case RecordIO:
		return &RowReader{next: NewReader(buffered).Next, fill: FillDense}, nil
	case CSV:
		reader := &RowReader{next: (&lineReader{source: buffered}).next, labelSize: content.LabelSize}
		if reader.labelSize < 0 {
			reader.labelSize = 1
		}
		reader.fill = func(row []float32, line []byte) error { return fillCSV(row, line, reader.labelSize) }
		return reader, nil
	}
	return nil, fmt.Errorf("content type %s is not for training data: use %s or %s", content.Format, RecordIO, CSV)
}

// Read fills row with the next row's features; io.EOF follows the last row.
func (r *RowReader) Read(row []float32) error {
	item, err := r.next()
	if err != nil {
		return err
	}
	r.row++
	if err := fillFinite(r.fill, row, item); err != nil {
		return fmt.Errorf("row %d: %w", r.row, err)
	}
	return nil
}

func fillFinite(fill func([]float32, []byte) error, row []float32, item []byte) error {
	if err := fill(row, item); err != nil {
		return err
	}
	for i, v := range row {
		if math.Float32bits(v)&0x7f800000 == 0x7f800000 {
			return fmt.Errorf("feature %d is not a finite 32-bit number", i+1)
		}
	}
	return nil
}

// lineReader takes lines that are not blank, without their ends.
type lineReader struct {
	source *bufio.Reader
	long   []byte
}

func (l *lineReader) next() ([]byte, error) {
	for {
		line, err := l.read()
		if err != nil {
			return nil, err
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			return line, nil
		}
	}
}

// read gives a line straight from the buffer when it fits there, and io.EOF only without data.
func (l *lineReader) read() ([]byte, error) {
	l.long = l.long[:0]
	for {
		part, err := l.source.ReadSlice('\n')
		if err == nil && len(l.long) == 0 {
			return part, nil
		}
		l.long = append(l.long, part...)
		switch {
		case len(l.long) > MaxLine:
			return nil, fmt.Errorf("a line is longer than %d bytes", MaxLine)
		case err == nil, errors.Is(err, io.EOF) && len(l.long) > 0:
			return l.long, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}

// AppendRows appends the features of every example in a request's body to dst, dim for each. In
// requests CSV has no label column unless label_size says so.
func AppendRows(dst []float32, content ContentType, body []byte, dim int) ([]float32, error) {
	switch content.Format {
	case RecordIO:
		return appendItems(dst, NewReader(bytes.NewReader(body)).Next, FillDense, dim)
	case CSV:
		skip := max(content.LabelSize, 0)
		fill := func(row []float32, line []byte) error { return fillCSV(row, line, skip) }
		return appendItems(dst, splitLines(body), fill, dim)
	case JSONLines:
		return appendJSONLines(dst, splitLines(body), dim)
	case JSON:
		return appendJSON(dst, body, dim)
	}
	return nil, fmt.Errorf("content type %s is not for requests", content.Format)
}

// splitLines gives the lines of body that are not blank.
func splitLines(body []byte) func() ([]byte, error) {
	return func() ([]byte, error) {
		for len(body) > 0 {
			line, rest, _ := bytes.Cut(body, []byte{'\n'})
			body = rest
			if line = bytes.TrimSpace(line); len(line) > 0 {
				return line, nil
			}
		}
		return nil, io.EOF
	}
}

func appendItems(dst []float32, next func() ([]byte, error), fill func([]float32, []byte) error, dim int) ([]float32, error) {
	for index := 1; ; index++ {
		item, err := next()
		if err == io.EOF {
			return dst, nil
		}
		if err != nil {
			return nil, err
		}
		start := len(dst)
		if start+dim > MaxValues {
			return nil, errTooLarge
		}
		dst = append(dst, make([]float32, dim)...)
		if err := fillFinite(fill, dst[start:], item); err != nil {
			return nil, fmt.Errorf("row %d: %w", index, err)
		}
	}
}
