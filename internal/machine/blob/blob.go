// Package blob keeps the bytes of objects under keys that its caller makes up.
//
// It promises that a Put is there whole, and for good, when it returns, or not at all; that a reader
// keeps the bytes it opened whatever is put or deleted meanwhile; and that no key reaches anything
// that is not a blob. It knows no bucket, no name a customer chose, and no metadata: the index of
// what each key means lies in the store, and a blob without a record is rubbish to be swept.
package blob

import (
	"context"
	"errors"
	"io"
	"iter"
	"strings"
)

var (
	// ErrMissing is wrapped where no blob has the key.
	ErrMissing = errors.New("no such blob")
	// ErrKey is wrapped where a key is not one, as CheckKey says.
	ErrKey = errors.New("not a blob key")
	// ErrRange is wrapped where a read begins behind the end.
	ErrRange = errors.New("range begins behind the end of the blob")
)

// Info is what is known of a blob.
type Info struct {
	Key  string
	Size int64
	// MD5 is in hex. Only Put gives it, since it has seen all bytes; keep it.
	MD5 string
}

// Store is a place for blobs. Its methods may be called at the same time; of two Puts to one key the
// last to return has it. Its implementations pass blobtest.Run.
type Store interface {
	// Put keeps what r gives up to io.EOF. On any other error, or when ctx ends, what the key held
	// before is untouched and nothing is left behind.
	Put(ctx context.Context, key string, r io.Reader) (Info, error)
	// Open reads n bytes from off, or as many as there are; a negative n means up to the end.
	Open(ctx context.Context, key string, off, n int64) (io.ReadCloser, error)
	// Stat gives key and size.
	Stat(ctx context.Context, key string) (Info, error)
	// Delete forgets a blob; a key that holds none is no error.
	Delete(ctx context.Context, key string) error
	// All gives every blob whose key begins with prefix, in no order. A blob put or deleted meanwhile
	// may be given or not. An error ends it.
	All(ctx context.Context, prefix string) iter.Seq2[Info, error]
}

// MaxKey is the longest key, in bytes.
const MaxKey = 200

// CheckKey tells whether a key may be used: lower-case letters, digits, "_" and "-" in parts divided
// by single slashes, at most MaxKey bytes. Nothing is read into the parts: "a" and "a/b" may both be
// blobs.
func CheckKey(key string) error {
	if key == "" || len(key) > MaxKey {
		return ErrKey
	}
	for part := range strings.SplitSeq(key, "/") {
		if part == "" {
			return ErrKey
		}
		for _, c := range []byte(part) {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' {
				return ErrKey
			}
		}
	}
	return nil
}
