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
	// mostReads is how many reads of a view are worked on at a time.
	mostReads = 128
)

// Serve answers reads of a view by read, until ctx ends or read fails; that what failed may be read again
// is for the next call. A read fills p unless it gives an error.
func (k *Keeper) Serve(ctx context.Context, view int, read func(ctx context.Context, file int, off int64, p []byte) error) error {
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
	g.Go(func() error { return serve(within, g, conn, uint32(view)|viewFlag, read) })
	err = g.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func serve(ctx context.Context, g *errgroup.Group, conn net.Conn, view uint32, read func(ctx context.Context, file int, off int64, p []byte) error) error {
	if err := binary.Write(conn, binary.LittleEndian, view); err != nil {
		return fmt.Errorf("%w: %w", ErrLost, err)
	}
	var mu sync.Mutex
	r := bufio.NewReader(conn)
	for {
		var w wanted
		err := binary.Read(r, binary.LittleEndian, &w)
		if err == nil && w.Size > maxRead {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("%w: %w", ErrLost, err)
		}
		g.Go(func() error {
			p := make([]byte, 16+w.Size)
			if err := read(ctx, int(w.File), int64(w.Offset), p[16:]); err != nil {
				return err
			}
			binary.LittleEndian.PutUint64(p, w.ID)
			binary.LittleEndian.PutUint32(p[12:], w.Size)
			mu.Lock()
			defer mu.Unlock()
			if _, err := conn.Write(p); err != nil && ctx.Err() == nil {
				return fmt.Errorf("%w: %w", ErrLost, err)
			}
			return nil
		})
	}
}
