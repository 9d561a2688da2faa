package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/google/uuid"

	"cloister/internal/machine/blob"
	"cloister/internal/machine/store"
)

// under is where our blobs lie among those of others.
const under = "s3/"

// stored is bytes that are on disk and belong to no record yet. They are held until let go.
type stored struct {
	ID, MD5 string
	Size    int64
	Sum     sum
}

// keep writes a checked body to a fresh blob.
func (s *Service) keep(ctx context.Context, b *body) (*stored, error) {
	id := uuid.NewString()
	s.held.take(id)
	info, err := s.Blobs.Put(ctx, under+id, b)
	if err != nil {
		s.release(id)
		return nil, answer(err)
	}
	x := &stored{ID: id, MD5: info.MD5, Size: info.Size, Sum: b.result()}
	if err := b.checkMD5(info.MD5); err != nil {
		s.discard(x, err)
		return nil, err
	}
	return x, nil
}

// discard lets go of bytes whose record could not be written because of err. Where it is not certain
// that there is no record, the bytes are left for the sweep.
func (s *Service) discard(x *stored, err error) {
	if isRefusal(err) {
		s.drop(x.ID)
	}
	s.release(x.ID)
}

// commit runs the transaction that gives stored bytes their record; f gives the blobs that it freed.
func (s *Service) commit(ctx context.Context, x *stored, f func(*store.Tx) ([]string, error)) error {
	var freed []string
	err := s.DB.UpdateShared(ctx, func(tx *store.Tx) (err error) {
		if freed, err = f(tx); err != nil {
			return err
		}
		return blobs.Put(tx, x.ID, &struct{}{})
	})
	if err != nil {
		s.discard(x, err)
		return err
	}
	s.release(x.ID)
	s.drop(freed...)
	return nil
}

// drop deletes blobs that no record speaks of any more, each once nobody reads it.
func (s *Service) drop(ids ...string) { s.remove(s.held.doom(ids...)) }

func (s *Service) release(ids ...string) { s.remove(s.held.release(ids...)) }

// remove deletes blobs; what cannot be deleted now is swept later.
func (s *Service) remove(ids []string) {
	for _, id := range ids {
		if err := s.Blobs.Delete(context.Background(), under+id); err != nil {
			s.warn("blob not deleted", err)
		}
		s.held.gone(id)
	}
}

// sweep deletes blobs that no record speaks of and nobody holds, and counts them.
func (s *Service) sweep(ctx context.Context) (n int, err error) {
	for info, err := range s.Blobs.All(ctx, under) {
		if err != nil {
			return n, err
		}
		id := strings.TrimPrefix(info.Key, under)
		if s.held.has(id) {
			continue // the order matters: who let go since then has written the record
		}
		var known bool
		err := s.DB.View(ctx, func(tx *store.Tx) error {
			v, err := blobs.Get(tx, id)
			known = v != nil
			return err
		})
		if err != nil {
			return n, err
		}
		if !known {
			s.drop(id)
			n++
		}
	}
	return n, nil
}

// open gives n bytes of an object from off. The error wraps blob.ErrMissing when the object was
// replaced meanwhile, and the caller is to look it up again.
func (s *Service) open(ctx context.Context, parts []piece, off, n int64) (io.ReadCloser, error) {
	r := &reader{ctx: context.WithoutCancel(ctx), service: s}
	for _, p := range parts {
		if len(parts) > 1 && (off >= p.Size || n == 0) {
			off = max(0, off-p.Size)
			continue
		}
		take := min(p.Size-off, n)
		r.todo, r.ids = append(r.todo, run{p.Blob, off, take}), append(r.ids, p.Blob)
		off, n = 0, n-take
	}
	if !s.held.take(r.ids...) {
		return nil, blob.ErrMissing
	}
	if err := r.next(); err != nil && err != io.EOF {
		s.release(r.ids...)
		return nil, err
	}
	return r, nil
}

// run is a part of a blob to read.
type run struct {
	blob   string
	off, n int64
}

// reader reads runs one after another. It holds their blobs until it is closed.
type reader struct {
	ctx     context.Context
	service *Service
	ids     []string
	todo    []run
	now     io.ReadCloser
	left    int64 // of now
	closed  bool
}

// next opens the next run; io.EOF when there is none.
func (r *reader) next() error {
	if len(r.todo) == 0 {
		return io.EOF
	}
	f, err := r.service.Blobs.Open(r.ctx, under+r.todo[0].blob, r.todo[0].off, r.todo[0].n)
	if err != nil {
		return err
	}
	r.now, r.left, r.todo = f, r.todo[0].n, r.todo[1:]
	return nil
}

func (r *reader) Read(b []byte) (int, error) {
	for {
		if r.now == nil {
			if err := r.next(); err != nil {
				return 0, err
			}
		}
		n, err := r.now.Read(b)
		r.left -= int64(n)
		if err == io.EOF {
			if r.left > 0 {
				return n, io.ErrUnexpectedEOF
			}
			err = r.now.Close()
			r.now = nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

func (r *reader) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	var err error
	if r.now != nil {
		err = r.now.Close()
	}
	r.service.release(r.ids...)
	return err
}

// read finds an object and opens what pick chooses of it, again if it is replaced between the two.
func (s *Service) read(ctx context.Context, bucket, key, owner *string, pick func(*object, []piece) (span, error)) (*object, span, io.ReadCloser, error) {
	for try := 0; ; try++ {
		o, parts, err := s.look(ctx, bucket, key, owner)
		if err != nil {
			return nil, span{}, nil, err
		}
		at, err := pick(o, parts)
		if err != nil {
			return nil, span{}, nil, err
		}
		r, err := s.open(ctx, parts, at.off, at.n)
		if err == nil {
			return o, at, r, nil
		}
		if !errors.Is(err, blob.ErrMissing) || try == 100 {
			return nil, span{}, nil, fmt.Errorf("bytes of %s/%s: %w", *bucket, *key, err)
		}
	}
}

// look finds the newest version of an object.
func (s *Service) look(ctx context.Context, bucket, key, owner *string) (o *object, parts []piece, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		b, err := find(tx, bucket, owner)
		if err != nil {
			return err
		}
		if err := checkKey(*key); err != nil {
			return err
		}
		if o, err = objects.Get(tx, store.Key(b.Name, *key)); err != nil {
			return err
		}
		if o == nil {
			return missingKey(*key)
		}
		parts, err = o.whole(tx)
		return err
	})
	return o, parts, err
}
