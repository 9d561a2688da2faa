package sagemaker

import (
	"compress/flate"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"cloister/internal/engine/dataset"
	"cloister/internal/engine/recordio"
	"cloister/internal/machine/feed"
)

// piece is one object or one text of a pass.
type piece struct {
	bucket, key string
	tag         string // of an object whose beginning the reader has
	text        string // of a piece that is no object
}

// pieceMark is what is noted before each piece: where it is in the pass, and which object it was.
type pieceMark struct {
	Piece int
	From  int64 // the place in the pass of its first byte
	Tag   string
}

// spools begins the names of what is too long for memory.
const spools = "spool-"

// pouring gives a reader one pass over a channel.
type pouring struct {
	client  *s3
	channel *channel
	pass    *feed.Pass
	spool   string // a directory for what is too long for memory
	at      int64  // the place in the pass of the next byte
	skip    int64  // the reader has what is before
}

// pieces are what a part of the channel has in this pass, in order.
func (f *pouring) pieces(all *contents, part, parts int) func(i int) (piece, bool, error) {
	epoch := int(f.pass.Epoch)
	if f.channel.Type != augmentedData {
		objects := turn(f.channel, all.Objects, epoch, part, parts)
		return func(i int) (piece, bool, error) {
			if i >= len(objects) {
				return piece{}, false, nil
			}
			return piece{bucket: objects[i].Bucket, key: objects[i].Key}, true, nil
		}
	}
	lines, each := turn(f.channel, all.Lines, epoch, part, parts), len(f.channel.Attributes)
	return func(i int) (piece, bool, error) {
		if i/each >= len(lines) {
			return piece{}, false, nil
		}
		values, err := dataset.Augmented([]byte(lines[i/each]), f.channel.Attributes)
		if err != nil {
			return piece{}, false, err
		}
		v := values[i%each]
		bucket, key, ok := splitS3(v.URI)
		if v.URI != "" && !ok {
			return piece{}, false, fails("ClientError: Data download failed:Failed to download data. S3 URL:\n%s names no object", v.URI)
		}
		return piece{bucket: bucket, key: key, text: v.Text}, true, nil
	}
}

// pour writes what is left of the pass. The reader may close it early.
func (f *pouring) pour(ctx context.Context, next func(int) (piece, bool, error)) error {
	var from pieceMark
	if len(f.pass.Mark) > 0 {
		if err := json.Unmarshal(f.pass.Mark, &from); err != nil {
			return fmt.Errorf("the mark of a pass: %w", err)
		}
	}
	f.at, f.skip = from.From, f.pass.Offset
	for i := from.Piece; ; i++ {
		p, ok, err := next(i)
		if err != nil {
			return err
		}
		if !ok {
			return early(f.pass.Done())
		}
		if i == from.Piece {
			p.tag = from.Tag
		}
		err = f.one(ctx, i, p)
		switch {
		case errors.Is(err, feed.ErrEarly):
			return nil
		case errors.Is(err, feed.ErrLost):
			return err
		case errors.Is(replaced(err), errReplaced):
			return fails("ClientError: Data download failed:Failed to download data. S3 key:\n%s was replaced while it was read", p.key)
		case err != nil:
			return transferred(download, err)
		}
	}
}

// early makes a reader's leave no error.
func early(err error) error {
	if errors.Is(err, feed.ErrEarly) {
		return nil
	}
	return err
}

// Write sends bytes of the pass, less those that the reader has.
func (f *pouring) Write(b []byte) (int, error) {
	n := len(b)
	if have := min(f.skip-f.at, int64(n)); have > 0 {
		b = b[have:]
	}
	f.at += int64(n)
	_, err := f.pass.Write(b)
	return n, err
}

// one sends one piece.
func (f *pouring) one(ctx context.Context, i int, p piece) error {
	m := pieceMark{Piece: i, From: f.at}
	if p.bucket == "" {
		return f.send(m, strings.NewReader(p.text), int64(len(p.text)))
	}
	plain := f.channel.Compression != gzipped
	begin := int64(0)
	if plain && f.channel.Wrapper != wrappedInRecordIO && p.tag != "" && f.skip > f.at {
		begin = f.skip - f.at // of this very object the reader has that much
	}
	r, err := f.client.open(ctx, p.bucket, p.key, p.tag, begin, -1)
	var no *s3Error
	if errors.As(err, &no) && no.Status == http.StatusRequestedRangeNotSatisfiable && begin > 0 { // he has all of it
		f.at += begin
		return nil
	}
	if err != nil {
		return err
	}
	defer r.Close()
	f.at += begin
	if m.Tag = r.tag; plain {
		return f.send(m, r, r.size)
	}
	z, err := gzip.NewReader(r)
	if err != nil {
		return unzipped(p.key, err)
	}
	if f.channel.Wrapper != wrappedInRecordIO {
		return unzipped(p.key, f.send(m, z, -1))
	}
	spool, err := os.CreateTemp(f.spool, spools)
	if err != nil {
		return err
	}
	// It keeps its name as long as it is there: what has none is not found by who watches over the volume.
	defer os.Remove(spool.Name())
	defer spool.Close()
	size, err := io.Copy(spool, io.LimitReader(z, recordio.MaxFrame+1))
	if err != nil {
		return unzipped(p.key, err)
	}
	if _, err := spool.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return f.send(m, spool, size)
}

// send notes the piece and sends it, wrapped if the channel says so.
func (f *pouring) send(m pieceMark, from io.Reader, size int64) error {
	mark, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := f.pass.Note(mark); err != nil {
		return err
	}
	if f.channel.Wrapper != wrappedInRecordIO {
		_, err = io.CopyBuffer(f, onlyReader{from}, make([]byte, 256<<10))
		return err
	}
	if size > recordio.MaxFrame {
		return fails("ClientError: Data download failed:An object is longer than the %d bytes that a RecordIO record can hold", recordio.MaxFrame)
	}
	return recordio.Wrap(f, from, size)
}

// unzipped says that an object is no gzip, if that is what is wrong. That the object itself broke off says
// who read it, with where it was.
func unzipped(key string, err error) error {
	var corrupt flate.CorruptInputError
	if err == io.EOF || err == io.ErrUnexpectedEOF || errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || errors.As(err, &corrupt) {
		return fails("ClientError: Data download failed:Failed to decompress data. S3 key:\n%s is not gzip", key)
	}
	return err
}
