package s3

import (
	"time"
	"unicode/utf8"

	"cloister/internal/machine/store"
)

// headers are what a customer says of an object's content; they are given back as they came.
type headers struct {
	CacheControl, ContentDisposition, ContentEncoding *string           `json:",omitempty"`
	ContentLanguage, ContentType, Expires             *string           `json:",omitempty"`
	Metadata                                          map[string]string `json:",omitempty"`
}

// sum is a checksum of an object or a part. A COMPOSITE one is the checksum of the parts' checksums.
type sum struct {
	Algorithm string `json:",omitempty"`
	Value     string `json:",omitempty"`
	Type      string `json:",omitempty"`
}

// object is the record of one version of an object. Only the newest is kept.
type object struct {
	ID       string // fresh for each version; the blob's, where there is one blob
	Size     int64
	ETag     string // without quotes
	Modified time.Time
	headers
	Sum sum
	// Parts is how many parts it was uploaded in, 0 when it came at once. Upload is the upload's id.
	Parts  int    `json:",omitempty"`
	Upload string `json:",omitempty"`
}

// piece is one run of an object's bytes.
type piece struct {
	Blob string
	Size int64
	Sum  sum
}

var (
	// objects are keyed by bucket and key.
	objects = store.NewTable[object]("s3_object")
	// pieces of an object uploaded in parts, keyed by the object's ID: listings need not read them.
	pieces = store.NewTable[[]piece]("s3_piece")
	// blobs are all blobs that belong to an object or an upload.
	blobs = store.NewTable[struct{}]("s3_blob")
)

// whole gives the runs of bytes that an object consists of.
func (o *object) whole(tx *store.Tx) ([]piece, error) {
	if o.Parts == 0 {
		return []piece{{Blob: o.ID, Size: o.Size, Sum: o.Sum}}, nil
	}
	p, err := pieces.Get(tx, o.ID)
	if err != nil || p == nil {
		return nil, err
	}
	return *p, nil
}

// replace puts an object in the place of what its key held, or removes that when o is nil. It gives the
// blobs to be dropped once the transaction is durable.
func replace(tx *store.Tx, b *bucket, key string, o *object, parts []piece) ([]string, error) {
	at := store.Key(b.Name, key)
	old, err := objects.Get(tx, at)
	if err != nil {
		return nil, err
	}
	var dropped []string
	if old != nil {
		if dropped, err = forget(tx, old); err != nil {
			return nil, err
		}
	}
	if o == nil {
		return dropped, objects.Delete(tx, at)
	}
	if o.Parts > 0 {
		if err := pieces.Put(tx, o.ID, &parts); err != nil {
			return nil, err
		}
	}
	return dropped, objects.Put(tx, at, o)
}

// forget removes what hangs on an object and gives its blobs.
func forget(tx *store.Tx, o *object) ([]string, error) {
	parts, err := o.whole(tx)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, p := range parts {
		if err := blobs.Delete(tx, p.Blob); err != nil {
			return nil, err
		}
		ids = append(ids, p.Blob)
	}
	if o.Parts > 0 {
		err = pieces.Delete(tx, o.ID)
	}
	return ids, err
}

const maxKey = 1024

// checkKey refuses what cannot be an object's key.
func checkKey(key string) error {
	switch {
	case len(key) > maxKey:
		return keyTooLong.New("Your key is too long").With("Size", len(key)).With("MaxSizeAllowed", maxKey)
	case !utf8.ValidString(key):
		return invalidURI.New("Couldn't parse the specified URI.")
	}
	return nil
}

// maxMetadata bounds names and values of user metadata together.
const maxMetadata = 2 << 10

func (h *headers) check() error {
	n := 0
	for k, v := range h.Metadata {
		n += len(k) + len(v)
	}
	if n > maxMetadata {
		return metadataTooLarge.New("Your metadata headers exceed the maximum allowed metadata size").
			With("Size", n).With("MaxSizeAllowed", maxMetadata)
	}
	return nil
}

func quoted(etag string) *string { return new(`"` + etag + `"`) }
