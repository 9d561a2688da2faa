package image

import (
	"context"
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

var (
	errTooDeep  = errors.New("name is longer or deeper than allowed")
	errTooLarge = errors.New("image is larger than allowed")
	errTooLong  = errors.New("image takes more work to unpack than allowed")
	errNoRoom   = errors.New("image does not fit on this machine's disk")
)

const (
	// A name is found directory by directory, so long and deep ones would cost without end.
	maxName  = 4096
	maxDepth = 200
	// Names of a layer are held in memory: so many bytes by entry, and some for small bounds.
	nameBytes = 256
	fewNames  = 64 << 10
	// Names that are looked at, be it on the way to an entry or under what a layer hides: so many by entry.
	looksOfOne = 32
	fewLooks   = 64 << 10
	// headBytes are what comes on top of the files' bytes in a layer: a kilobyte an entry, and more for long names.
	headBytes = 4096
	// reserveBytes and reserveFiles are what an image leaves free on the disk, twice what makes jobs end; never more
	// than one part in reserveShare. It is looked at every so many bytes and entries.
	reserveBytes = 2 << 30
	reserveFiles = 2 << 16
	reserveShare = 10
	lookBytes    = 64 << 20
	lookEntries  = 4096
)

// bounds are what is left of what an image may take. A stranger made it, and every layer can be short where it comes
// from and long where it goes.
type bounds struct {
	bytes   int64 // of files
	entries int
	stream  int64 // of layers, uncompressed
	names   int64
	looks   int64
	dir     string
	free    func(dir string) (bytes, files int64, err error)
	unseen  int64 // bytes written since the disk was looked at
}

func (s *Store) newUnpacker() *unpacker {
	n := int64(s.options.Entries)
	return &unpacker{rootless: s.options.Rootless, bounds: bounds{
		bytes: s.options.Bytes, entries: s.options.Entries, stream: s.options.Bytes + headBytes*n,
		names: fewNames + nameBytes*n, looks: fewLooks + looksOfOne*n, dir: s.directory, free: s.free,
	}}
}

// countEntry charges one entry of a layer.
func (b *bounds) countEntry() error {
	if b.entries--; b.entries < 0 {
		return errTooLarge
	}
	if b.entries%lookEntries == 0 {
		return b.room()
	}
	return nil
}

// countName charges a name that is remembered.
func (b *bounds) countName(n int) error {
	if b.names -= int64(n); b.names < 0 {
		return errTooLarge
	}
	return nil
}

// countLook charges a name that is looked at.
func (b *bounds) countLook() error {
	if b.looks--; b.looks < 0 {
		return errTooLong
	}
	return nil
}

// countBytes charges bytes before they are written.
func (b *bounds) countBytes(n int64) error {
	if b.bytes -= n; b.bytes < 0 {
		return errTooLarge
	}
	return nil
}

// room says whether the disk has enough left.
func (b *bounds) room() error {
	b.unseen = 0
	bytes, files, err := b.free(b.dir)
	if err == nil && (bytes < 0 || files < 0) {
		err = errNoRoom
	}
	return err
}

// spare gives what is free on the disk of a directory beyond what is to stay free.
func spare(dir string) (bytes, files int64, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, 0, &os.PathError{Op: "statfs", Path: "images", Err: err}
	}
	bytes = int64(st.Bavail)*st.Bsize - min(reserveBytes, int64(st.Blocks)*st.Bsize/reserveShare)
	if st.Files == 0 { // a file system without a bound
		return bytes, 0, nil
	}
	return bytes, int64(st.Ffree) - min(reserveFiles, int64(st.Files)/reserveShare), nil
}

// Write counts what is written to the disk; it lets a file be copied in pieces.
func (b *bounds) Write(p []byte) (int, error) {
	if b.unseen += int64(len(p)); b.unseen < lookBytes {
		return len(p), nil
	}
	return len(p), b.room()
}

// boundedReader ends a stream that is too long, or that nobody waits for any more.
type boundedReader struct {
	ctx  context.Context
	r    io.Reader
	left int64
}

func (b *boundedReader) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return n, errTooLarge
	}
	return n, err
}
