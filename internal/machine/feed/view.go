package feed

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
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

// wanted is what the keeper asks a feeder of a view for. The feeder has the device of the view and answers the
// kernel itself: so the bytes are copied once and not three times. Then it tells the keeper the ID.
type wanted struct {
	ID, File, Offset uint64 // ID is the kernel's
	Size             uint32
}

// view is one that is shown.
type view struct {
	View
	device  *os.File
	mu      sync.Mutex
	conn    *net.UnixConn // to a feeder, if there is one
	waiting map[uint64]wanted
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
	out := &view{View: v, device: device, waiting: map[uint64]wanted{}}
	go (&fuse{device: device, tree: t, read: out.read, cancel: out.cancel}).serve()
	readAhead(v.At)
	return out, nil
}

// readAhead has the kernel ask for more at a time, where it lets us say so.
func readAhead(at string) {
	var st unix.Stat_t
	if unix.Stat(at, &st) == nil {
		name := fmt.Sprintf("/sys/class/bdi/%d:%d/read_ahead_kb", unix.Major(st.Dev), unix.Minor(st.Dev))
		os.WriteFile(name, []byte("4096"), 0) //nolint:errcheck // it is slower then
	}
}

// read has whatever feeder there is at last answer.
func (v *view) read(unique uint64, file int, off int64, n int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	w := wanted{unique, uint64(file), uint64(off), uint32(n)}
	v.waiting[unique] = w
	v.ask(w)
}

// ask is called with the lock held. A feeder that does not hear it is gone, and the next will.
func (v *view) ask(w wanted) {
	if v.conn != nil {
		binary.Write(v.conn, binary.LittleEndian, w) //nolint:errcheck // see above
	}
}

// cancel ends a wait, if there is one: who asked is being killed.
func (v *view) cancel(unique uint64) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	_, waits := v.waiting[unique]
	delete(v.waiting, unique)
	return waits
}

// feed has a feeder answer, until it goes or another comes.
func (v *view) feed(conn *net.UnixConn) {
	if _, _, err := conn.WriteMsgUnix([]byte{viewDevice}, unix.UnixRights(int(v.device.Fd())), nil); err != nil {
		return
	}
	v.mu.Lock()
	if v.conn != nil {
		v.conn.Close()
	}
	v.conn = conn
	for _, w := range v.waiting {
		v.ask(w)
	}
	v.mu.Unlock()
	var id [8]byte
	for r := bufio.NewReader(conn); ; {
		if _, err := io.ReadFull(r, id[:]); err != nil {
			break
		}
		v.cancel(binary.LittleEndian.Uint64(id[:]))
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.conn == conn {
		v.conn = nil
	}
}
