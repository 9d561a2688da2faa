package ecr

import (
	"context"
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/google/uuid"

	"cloister/internal/machine/store"
	"cloister/internal/value/fault"
)

// under is where the region's blobs lie among those of others.
func (s *Service) under() string { return "ecr/" + s.Region + "/" }

// maxLayer is the size of the largest layer.
const maxLayer = 52000 << 20

// begin makes an upload.
func (s *Service) begin(ctx context.Context, p place) (*upload, error) {
	u := &upload{ID: uuid.NewString()}
	return u, s.DB.Update(ctx, func(tx *store.Tx) (err error) {
		if _, err = find(tx, p); err != nil {
			return err
		}
		u.Started, u.Touched = tx.Now, tx.Now
		if u.State, err = state(sha256.New()); err != nil {
			return err
		}
		return uploads.Put(tx, p.key(u.ID), u)
	})
}

func state(sum hash.Hash) ([]byte, error) { return sum.(encoding.BinaryMarshaler).MarshalBinary() }

func (u *upload) sum() (hash.Hash, error) {
	h := sha256.New()
	return h, h.(encoding.BinaryUnmarshaler).UnmarshalBinary(u.State)
}

func findUpload(tx *store.Tx, p place, id string) (*upload, error) {
	if _, err := find(tx, p); err != nil {
		return nil, err
	}
	u, err := uploads.Get(tx, p.key(id))
	if err == nil && u == nil {
		err = uploadNotFound.New("The upload with id '%s' could not be found in the repository with name '%s' in the registry with id '%s'", id, p.name, p.account)
	}
	return u, err
}

func (s *Service) upload(ctx context.Context, p place, id string) (u *upload, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		u, err = findUpload(tx, p, id)
		return err
	})
	return u, err
}

// misplaced is the answer to bytes that do not follow those that are there.
func (u *upload) misplaced(p place, first int64) error {
	return invalidLayerPart.New("Layer part starts at byte %d, where byte %d is expected", first, u.Size).
		With("registryId", p.account).With("repositoryName", p.name).With("uploadId", u.ID).With("lastValidByteReceived", u.Size-1)
}

// anywhere stands for the first byte of bytes that come without saying where they belong.
const anywhere = -1

// receive adds bytes to an upload. What has fewer bytes than it said is as if it had never come; bytes that come
// without saying how many they are count as far as they came, as the layer's digest tells in the end.
func (s *Service) receive(ctx context.Context, p place, id string, first int64, body io.Reader) (*upload, error) {
	u, err := s.upload(ctx, p, id)
	if err != nil {
		return nil, err
	}
	if first != anywhere && first != u.Size {
		return nil, u.misplaced(p, first)
	}
	sum, err := u.sum()
	if err != nil {
		return nil, err
	}
	blob := uuid.NewString()
	s.held.take(blob)
	defer s.held.release(blob)
	from := &source{from: body, left: maxLayer - u.Size}
	joined, bytes, err := s.join(ctx, u, io.TeeReader(from, sum))
	if err != nil {
		return nil, err
	}
	defer bytes.Close()
	info, err := s.Blobs.Put(ctx, s.under()+blob, bytes)
	if from.refused != nil {
		return nil, from.refused
	}
	if err != nil {
		return nil, err
	}
	if info.Size == joined.Size {
		return u, s.Blobs.Delete(ctx, s.under()+blob)
	}
	before := u.Size
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		if u, err = findUpload(tx, p, id); err != nil {
			return err
		}
		if u.Size != before {
			return u.misplaced(p, before) // somebody else's bytes were quicker
		}
		if joined.Blob != "" {
			u.Pieces = u.Pieces[:len(u.Pieces)-1]
		}
		u.Pieces, u.Size, u.Touched = append(u.Pieces, piece{blob, info.Size}), u.Size+info.Size-joined.Size, tx.Now
		if u.State, err = state(sum); err != nil {
			return err
		}
		return uploads.Put(tx, p.key(id), u)
	})
	if err != nil {
		if _, refused := fault.As(err); refused {
			s.scrap(blob) // else it is not certain that there is no record: it is left for the sweep
		}
		return nil, err
	}
	if joined.Blob != "" {
		s.scrap(joined.Blob)
	}
	return u, nil
}

// manyPieces is from how many pieces on a layer gets no more small ones, and how many are open at a time: whoever uploads
// decides how many bytes come at a time, and every piece that is open is a file of the server's.
const manyPieces = 64

// join gives the bytes that come, behind those of the last piece where that is small and there are many.
func (s *Service) join(ctx context.Context, u *upload, bytes io.Reader) (joined piece, all io.ReadCloser, err error) {
	if n := len(u.Pieces); n < manyPieces || u.Pieces[n-1].Size >= minPart {
		return piece{}, io.NopCloser(bytes), nil
	}
	joined = u.Pieces[len(u.Pieces)-1]
	before, err := s.Blobs.Open(ctx, s.under()+joined.Blob, 0, joined.Size)
	if err != nil {
		return piece{}, nil, fmt.Errorf("upload %s: %w", u.ID, err)
	}
	return joined, struct {
		io.Reader
		io.Closer
	}{io.MultiReader(before, bytes), before}, nil
}

func (s *Service) scrap(blobs ...string) {
	for _, b := range blobs {
		if err := s.Blobs.Delete(context.Background(), s.under()+b); err != nil {
			s.tell(context.Background(), "blob not deleted", err)
		}
	}
}

// source is a body; refused says why it was not taken whole, for the customer's eyes.
type source struct {
	from    io.Reader
	left    int64
	refused error
}

func (b *source) Read(p []byte) (int, error) {
	n, err := b.from.Read(p)
	if b.left -= int64(n); b.left < 0 {
		b.refused = limitExceeded.New("A layer can have at most %d bytes", int64(maxLayer))
		return n, b.refused
	}
	if err != nil && !errors.Is(err, io.EOF) {
		b.refused = invalidLayerPart.New("The layer part ended early")
	}
	return n, err
}

// finish makes a layer of an upload whose bytes have the digest. again tells that the layer was there before.
func (s *Service) finish(ctx context.Context, p place, id, digest string) (l *layer, again bool, err error) {
	var spare []piece
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		u, err := findUpload(tx, p, id)
		if err != nil {
			return err
		}
		sum, err := u.sum()
		if err != nil {
			return err
		}
		if got := "sha256:" + hex.EncodeToString(sum.Sum(nil)); got != digest {
			return invalidLayer.New("The layer digest '%s' does not match the digest '%s' of the bytes that were uploaded", digest, got)
		}
		if l, err = layers.Get(tx, p.key(digest)); err != nil {
			return err
		}
		if again = l != nil; again {
			spare = u.Pieces
		} else {
			l = &layer{Digest: digest, Size: u.Size, Pieces: u.Pieces}
		}
		l.Seen = tx.Now
		return errors.Join(layers.Put(tx, p.key(digest), l), uploads.Delete(tx, p.key(id)))
	})
	for _, x := range spare {
		if err == nil {
			s.scrap(x.Blob)
		}
	}
	return l, again, err
}

// abandon forgets an upload.
func (s *Service) abandon(ctx context.Context, p place, id string) error {
	var u *upload
	err := s.DB.Update(ctx, func(tx *store.Tx) (err error) {
		if u, err = findUpload(tx, p, id); err != nil {
			return err
		}
		return uploads.Delete(tx, p.key(id))
	})
	if err == nil {
		for _, x := range u.Pieces {
			s.scrap(x.Blob)
		}
	}
	return err
}

// findLayer gives a layer of a repository.
func (s *Service) findLayer(ctx context.Context, p place, digest string) (l *layer, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		if _, err := find(tx, p); err != nil {
			return err
		}
		l, err = layers.Get(tx, p.key(digest))
		if err == nil && l == nil {
			err = noLayer(p, digest)
		}
		return err
	})
	return l, err
}

func noLayer(p place, digest string) error {
	return layersNotFound.New("The layer with digest '%s' does not exist in the repository with name '%s' in the registry with id '%s'", digest, p.name, p.account)
}

// open gives n bytes of a layer from off.
func (s *Service) open(ctx context.Context, l *layer, off, n int64) (io.ReadCloser, error) {
	r := new(reader)
	for _, x := range l.Pieces {
		if off >= x.Size {
			off -= x.Size
			continue
		}
		if n <= 0 {
			break
		}
		from, take := off, min(x.Size-off, n)
		open := func() (io.ReadCloser, error) {
			f, err := s.Blobs.Open(ctx, s.under()+x.Blob, from, take)
			if err != nil {
				return nil, fmt.Errorf("layer %s: %w", l.Digest, err)
			}
			return f, nil
		}
		// What is open stays readable, whoever deletes it; but who reads a layer is not to open files without number.
		if len(r.open) < manyPieces {
			f, err := open()
			if err != nil {
				r.Close()
				return nil, err
			}
			r.open = append(r.open, f)
		} else {
			r.later = append(r.later, open)
		}
		off, n = 0, n-take
	}
	return r, nil
}
