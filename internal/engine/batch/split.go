package batch

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
)

// Records reads an object record by record. A record has its frame (the line's end, the header and the
// padding) when framed is set, as requests of many records have; limit bounds one record, 0 does not.
func Records(r io.Reader, split Split, framed bool, limit int64) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		in := bufio.NewReaderSize(r, 64<<10)
		next := splitters[split]
		for n := 1; ; n++ {
			b, err := next(in, framed, limit)
			if errors.Is(err, io.EOF) && b == nil {
				return
			}
			if err != nil {
				yield(nil, &RecordError{n, err})
				return
			}
			if !yield(b, nil) {
				return
			}
		}
	}
}

// splitters read one record; io.EOF and no bytes at the end.
var splitters = map[Split]func(r *bufio.Reader, framed bool, limit int64) ([]byte, error){
	Whole: whole, Line: line, RecordIO: recordIO, TFRecord: tfRecord,
}

func whole(r *bufio.Reader, _ bool, limit int64) ([]byte, error) {
	if _, err := r.Peek(1); err != nil {
		return nil, err
	}
	if limit == 0 {
		return io.ReadAll(r)
	}
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = ErrTooLarge
	}
	return b, err
}

// line is a line with its end; the last one may have none. Empty lines are no records.
func line(r *bufio.Reader, _ bool, limit int64) ([]byte, error) {
	for {
		var b []byte
		for {
			part, err := r.ReadSlice('\n')
			b = append(b, part...)
			if limit > 0 && int64(len(b)) > limit {
				return nil, ErrTooLarge
			}
			if errors.Is(err, bufio.ErrBufferFull) {
				continue
			}
			if err != nil && !errors.Is(err, io.EOF) {
				return nil, err
			}
			if err != nil && len(b) == 0 {
				return nil, io.EOF
			}
			break
		}
		if len(bytes.TrimRight(b, "\r\n")) > 0 {
			return b, nil
		}
	}
}

// recordMagic begins every record of RecordIO; the two highest bits of the length say whether it is one of
// several parts.
const recordMagic = 0xced7230a

func recordIO(r *bufio.Reader, framed bool, limit int64) ([]byte, error) {
	var out []byte
	for {
		var head [8]byte
		if n, err := io.ReadFull(r, head[:]); err != nil {
			return nil, ended(n == 0 && out == nil, err)
		}
		if binary.LittleEndian.Uint32(head[:]) != recordMagic {
			return nil, errors.New("it does not begin as a RecordIO record does")
		}
		word := binary.LittleEndian.Uint32(head[4:])
		size, part := int64(word&(1<<29-1)), word>>29
		if limit > 0 && int64(len(out))+size > limit {
			return nil, ErrTooLarge
		}
		body, err := exactly(r, size+(4-size%4)%4)
		if err != nil {
			return nil, ended(false, err)
		}
		if framed {
			out = append(append(out, head[:]...), body...)
		} else {
			if part > 1 { // the parts of a record were cut at the magic number, which is not stored
				out = binary.LittleEndian.AppendUint32(out, recordMagic)
			}
			out = append(out, body[:size]...)
		}
		if out == nil {
			out = []byte{}
		}
		if part == 0 || part == 3 {
			return out, nil
		}
	}
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// masked is the checksum of a TFRecord.
func masked(b []byte) uint32 {
	c := crc32.Checksum(b, castagnoli)
	return (c>>15 | c<<17) + 0xa282ead8
}

func tfRecord(r *bufio.Reader, framed bool, limit int64) ([]byte, error) {
	var head [12]byte
	if n, err := io.ReadFull(r, head[:]); err != nil {
		return nil, ended(n == 0, err)
	}
	if masked(head[:8]) != binary.LittleEndian.Uint32(head[8:]) {
		return nil, errors.New("the checksum of a TFRecord's length is wrong")
	}
	size := binary.LittleEndian.Uint64(head[:])
	if size > 1<<31 || limit > 0 && int64(size) > limit {
		return nil, ErrTooLarge
	}
	body, err := exactly(r, int64(size)+4)
	if err != nil {
		return nil, ended(false, err)
	}
	if masked(body[:size]) != binary.LittleEndian.Uint32(body[size:]) {
		return nil, errors.New("the checksum of a TFRecord's data is wrong")
	}
	if framed {
		return append(head[:], body...), nil
	}
	return body[:size:size], nil
}

// exactly reads n bytes, and no more memory than there are bytes.
func exactly(r io.Reader, n int64) ([]byte, error) {
	var b bytes.Buffer
	got, err := io.CopyN(&b, r, n)
	if err == nil && got < n {
		err = io.ErrUnexpectedEOF
	}
	return b.Bytes(), err
}

// ended is the end of the object between two records, or an error within one.
func ended(between bool, err error) error {
	switch {
	case between:
		return err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("the object ends within it")
	}
	return err
}
