package feed

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"sync"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

const (
	// viewFlag is in the number by which a feeder names a view and not a pipe.
	viewFlag = 1 << 31
	// viewDevice is what the keeper answers then, with the view's device.
	viewDevice = 'v'
	// mostReads is how many reads of a view are worked on at a time.
	mostReads = 128
)

// Read gives n bytes of a file from off on, in pieces one after the other, and what is called when nobody needs
// these any more.
type Read func(ctx context.Context, file int, off int64, n int) (pieces [][]byte, done func(), err error)

// Serve answers reads of a view by read, until ctx ends or read fails; that what failed may be read again
// is for the next call.
func (k *Keeper) Serve(ctx context.Context, view int, read Read) error {
	conn, err := k.dial(ctx)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ECONNREFUSED) {
			err = fmt.Errorf("%w: %w", ErrLost, err)
		}
		return err
	}
	defer conn.Close()
	g, within := errgroup.WithContext(ctx)
	g.SetLimit(mostReads + 1)
	defer context.AfterFunc(within, func() { conn.Close() })()
	s := &server{conn: conn.(*net.UnixConn), g: g, read: read}
	defer s.close()
	g.Go(func() error { return s.serve(within, uint32(view)|viewFlag) })
	err = g.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// server answers the kernel.
type server struct {
	conn   *net.UnixConn
	g      *errgroup.Group
	read   Read
	device int
	open   bool
	mu     sync.Mutex // of what is written to conn
}

func (s *server) close() {
	if s.open {
		unix.Close(s.device) //nolint:errcheck // it was only to be written to
	}
}

func (s *server) serve(ctx context.Context, view uint32) error {
	lost := func(err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("%w: %w", ErrLost, err)
	}
	if err := binary.Write(s.conn, binary.LittleEndian, view); err != nil {
		return lost(err)
	}
	if err := s.take(); err != nil {
		return lost(err)
	}
	r := bufio.NewReader(s.conn)
	for {
		var w wanted
		err := binary.Read(r, binary.LittleEndian, &w)
		if err == nil && w.Size > maxRead {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return lost(err)
		}
		s.g.Go(func() error {
			err := s.answer(ctx, w)
			if err != nil && errors.Is(err, net.ErrClosed) {
				return lost(err)
			}
			return err
		})
	}
}

// take takes the device that the keeper hands over.
func (s *server) take() error {
	var hello [1]byte
	room := make([]byte, unix.CmsgSpace(4))
	n, oobn, _, _, err := s.conn.ReadMsgUnix(hello[:], room)
	if err != nil {
		return err
	}
	messages, err := unix.ParseSocketControlMessage(room[:oobn])
	if err != nil {
		return err
	}
	for _, m := range messages {
		if all, err := unix.ParseUnixRights(&m); err == nil && len(all) > 0 && !s.open {
			s.device, s.open = all[0], true
		}
	}
	if n != 1 || hello[0] != viewDevice || !s.open {
		return errors.New("the keeper hands over no device")
	}
	return nil
}

// answer answers one read, and says so to the keeper: until then another feeder would be asked.
func (s *server) answer(ctx context.Context, w wanted) error {
	pieces, done, err := s.read(ctx, int(w.File), int64(w.Offset), int(w.Size))
	if err != nil {
		return err
	}
	err = reply(s.device, w.ID, 0, pieces...)
	done()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrLost, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := binary.Write(s.conn, binary.LittleEndian, w.ID); err != nil && ctx.Err() == nil {
		return fmt.Errorf("%w: %w", ErrLost, err)
	}
	return nil
}
