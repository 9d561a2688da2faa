package feed

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// View is a directory at which files can be read that are brought only when they are: it must exist. Files is
// a file in which they are listed, as JSON.
type View struct{ At, Files string }

// wanted is what the keeper asks a feeder of a view for, and told the head of the answer.
type wanted struct {
	ID, File, Offset uint64
	Size             uint32
}

type told struct {
	ID    uint64
	Errno uint32
	Size  uint32
}

// view is one that is shown.
type view struct {
	View
	mu      sync.Mutex
	conn    net.Conn // to a feeder, if there is one
	next    uint64
	waiting map[uint64]*waiting
}

type waiting struct {
	wanted
	unique uint64
	answer chan []byte // closed without one where there is none
}

// openView shows a view. The kernel is answered from then on.
func openView(v View) (*view, error) {
	b, err := os.ReadFile(v.Files)
	if err != nil {
		return nil, err
	}
	var files []File
	if err := json.Unmarshal(b, &files); err != nil {
		return nil, err
	}
	t, err := newTree(files)
	if err != nil {
		return nil, err
	}
	device, err := mount(v.At)
	if err != nil {
		return nil, err
	}
	out := &view{View: v, waiting: map[uint64]*waiting{}}
	go (&fuse{device: device, tree: t, read: out.read, cancel: out.cancel}).serve()
	readAhead(v.At)
	return out, nil
}

// readAhead has the kernel ask for more at a time, where it lets us say so.
func readAhead(at string) {
	var st unix.Stat_t
	if unix.Stat(at, &st) == nil {
		name := fmt.Sprintf("/sys/class/bdi/%d:%d/read_ahead_kb", unix.Major(st.Dev), unix.Minor(st.Dev))
		os.WriteFile(name, []byte("2048"), 0) //nolint:errcheck // it is slower then
	}
}

// read waits for bytes of a file, from whatever feeder there is at last.
func (v *view) read(unique uint64, file int, off int64, n int) ([]byte, unix.Errno) {
	v.mu.Lock()
	v.next++
	w := &waiting{wanted{v.next, uint64(file), uint64(off), uint32(n)}, unique, make(chan []byte, 1)}
	v.waiting[w.ID] = w
	v.ask(w)
	v.mu.Unlock()
	b, ok := <-w.answer
	if !ok {
		return nil, unix.EIO
	}
	if b == nil {
		return nil, unix.EINTR
	}
	return b, 0
}

// ask is called with the lock held. A feeder that does not hear it is gone, and the next will.
func (v *view) ask(w *waiting) {
	if v.conn != nil {
		binary.Write(v.conn, binary.LittleEndian, w.wanted) //nolint:errcheck // see above
	}
}

// cancel ends a wait: who asked is being killed.
func (v *view) cancel(unique uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for id, w := range v.waiting {
		if w.unique == unique {
			delete(v.waiting, id)
			w.answer <- nil
		}
	}
}

// feed has a feeder answer, until it goes or another comes.
func (v *view) feed(conn net.Conn) {
	v.mu.Lock()
	if v.conn != nil {
		v.conn.Close()
	}
	v.conn = conn
	for _, w := range v.waiting {
		v.ask(w)
	}
	v.mu.Unlock()
	r := bufio.NewReaderSize(conn, 64<<10)
	for v.one(r) == nil {
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.conn == conn {
		v.conn = nil
	}
}

// one takes one answer.
func (v *view) one(r io.Reader) error {
	var head told
	if err := binary.Read(r, binary.LittleEndian, &head); err != nil {
		return err
	}
	if head.Size > maxRead {
		return errors.New("a long answer")
	}
	b := make([]byte, head.Size)
	if _, err := io.ReadFull(r, b); err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if w := v.waiting[head.ID]; w != nil {
		delete(v.waiting, head.ID)
		if head.Errno != 0 {
			close(w.answer)
		} else {
			w.answer <- b
		}
	}
	return nil
}
