package feed

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
)

// What is said between feeder and keeper. The feeder names a pipe; the keeper answers, when there is somebody
// to read, with the pass, how many bytes it has had and the last mark; then the feeder sends frames.
const (
	frameData = 'd'
	frameMark = 'm'
	frameEnd  = 'e'

	saidWhole = 'w' // all of the pass is in the pipe
	saidEarly = 'x' // the reader has closed it

	mostMark = 64 << 10
)

// need is what the keeper asks for.
type need struct {
	Epoch, Offset int64
	Mark          uint32 // its length
}

// Pass is one pass over a channel's data that somebody waits for.
type Pass struct {
	// Epoch counts the passes from zero. Offset is how many bytes the reader has been given already, and
	// Mark what the feeder noted last before these.
	Epoch, Offset int64
	Mark          []byte

	ctx  context.Context
	conn net.Conn
	cut  func() bool
	w    *bufio.Writer
}

func (p *Pass) begin(pipe int) error {
	if err := binary.Write(p.conn, binary.LittleEndian, uint32(pipe)); err != nil {
		return err
	}
	var n need
	if err := binary.Read(p.conn, binary.LittleEndian, &n); err != nil {
		return err
	}
	if n.Mark > mostMark {
		return fmt.Errorf("a mark of %d bytes", n.Mark)
	}
	p.Epoch, p.Offset, p.Mark = n.Epoch, n.Offset, make([]byte, n.Mark)
	p.w = bufio.NewWriterSize(p.conn, 256<<10)
	_, err := io.ReadFull(p.conn, p.Mark)
	return err
}

func (p *Pass) frame(kind byte, b []byte) error {
	var head [5]byte
	head[0] = kind
	binary.LittleEndian.PutUint32(head[1:], uint32(len(b)))
	if _, err := p.w.Write(head[:]); err != nil {
		return p.why(err)
	}
	if _, err := p.w.Write(b); err != nil {
		return p.why(err)
	}
	return nil
}

// Write sends bytes of the pass. ErrEarly says that the reader wants no more.
func (p *Pass) Write(b []byte) (int, error) {
	for n := 0; n < len(b); {
		part := b[n:min(len(b), n+1<<20)]
		if err := p.frame(frameData, part); err != nil {
			return n, err
		}
		n += len(part)
	}
	return len(b), nil
}

// Note leaves a mark for whoever goes on after us: it belongs to the place between the bytes where it was left.
func (p *Pass) Note(mark []byte) error {
	if len(mark) > mostMark {
		return fmt.Errorf("a mark of %d bytes", len(mark))
	}
	return p.frame(frameMark, mark)
}

// Done says that the pass is whole, and waits until the reader can see its end.
func (p *Pass) Done() error {
	if err := p.frame(frameEnd, nil); err != nil {
		return err
	}
	if err := p.w.Flush(); err != nil {
		return p.why(err)
	}
	return p.answer()
}

// answer reads how the pass ended.
func (p *Pass) answer() error {
	var said [1]byte
	if _, err := io.ReadFull(p.conn, said[:]); err != nil {
		if p.ctx.Err() != nil {
			return p.ctx.Err()
		}
		return fmt.Errorf("%w: %w", ErrLost, err)
	}
	switch said[0] {
	case saidWhole:
		return nil
	case saidEarly:
		return ErrEarly
	}
	return fmt.Errorf("%w: it says %q", ErrLost, said[0])
}

// why is what a write that broke means.
func (p *Pass) why(err error) error {
	if said := p.answer(); said != nil {
		return said
	}
	return errors.Join(ErrLost, err)
}

// Close gives the pass up. Unless it was done, the reader waits for somebody else to go on.
func (p *Pass) Close() error {
	p.cut()
	return p.conn.Close()
}
