package s3

import (
	"fmt"
	"strings"
	"time"

	"cloister/internal/machine/store"
)

const (
	maxParts = 10000
	// minPart is the least size of every part but the last.
	minPart = 5 << 20
	// maxObject is the largest object that parts may make.
	maxObject = 5 << 40
)

// upload is the record of an upload in parts that has not ended.
type upload struct {
	ID, Bucket, Key string
	Initiator       string // ARN
	Account         string // the initiator's
	Started         time.Time
	headers
	// Algorithm and Type are the checksum that was asked for; empty means that S3 chooses.
	Algorithm, Type string `json:",omitempty"`
}

// part is one part of an upload.
type part struct {
	Number   int
	Blob     string
	Size     int64
	ETag     string
	Sum      sum
	Modified time.Time
}

var (
	// uploads are keyed by bucket and key, then id, so that they are listed by key.
	uploads = store.NewTable[upload]("s3_upload")
	// parts are keyed by upload and number.
	parts = store.NewTable[part]("s3_part")
)

// divider stands between the key and the id of an upload.
const divider = "\x00"

func (u *upload) at() string { return store.Key(u.Bucket, u.Key+divider+u.ID) }

// uploadName is the object's key in the key of an upload.
func uploadName(key string) string {
	if i := strings.LastIndex(key, divider); i >= 0 {
		return key[:i]
	}
	return key
}

func partKey(upload string, number int) string { return store.Key(upload, fmt.Sprintf("%05d", number)) }

// findUpload gives the upload of an id; it must be for that very bucket and key.
func findUpload(tx *store.Tx, b *bucket, key, id *string) (*upload, error) {
	u, err := uploads.Get(tx, store.Key(b.Name, *key+divider+text(id)))
	if err == nil && (u == nil || u.Key != *key || u.ID != *id) {
		err = missingUpload(text(id))
	}
	return u, err
}

// algorithm is what the parts of an upload are summed with.
func (u *upload) algorithm() (algorithm, kind string) {
	if u.Algorithm == "" {
		return implied, fullObject
	}
	return u.Algorithm, u.Type
}

// end removes an upload with its parts and gives their blobs, but for those that an object keeps.
func (u *upload) end(tx *store.Tx, keep map[string]bool) (freed []string, err error) {
	all, err := parts.All(tx, store.Prefix(u.ID))
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		if keep[p.Blob] {
			continue
		}
		if err := blobs.Delete(tx, p.Blob); err != nil {
			return nil, err
		}
		freed = append(freed, p.Blob)
	}
	if err := parts.DeleteAll(tx, store.Prefix(u.ID)); err != nil {
		return nil, err
	}
	return freed, uploads.Delete(tx, u.at())
}
