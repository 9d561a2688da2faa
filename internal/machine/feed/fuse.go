package feed

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// The part of the kernel's FUSE protocol that a directory needs in which nothing ever changes.
const (
	fuseLookup      = 1
	fuseForget      = 2
	fuseGetattr     = 3
	fuseOpen        = 14
	fuseRead        = 15
	fuseStatfs      = 17
	fuseRelease     = 18
	fuseFlush       = 25
	fuseInit        = 26
	fuseOpendir     = 27
	fuseReaddir     = 28
	fuseReleasedir  = 29
	fuseAccess      = 34
	fuseInterrupt   = 36
	fuseDestroy     = 38
	fuseBatchForget = 42

	fuseMajor, fuseMinor = 7, 31
	// what INIT agrees on: reads side by side, and of as many pages as maxRead has
	fuseAsyncRead   = 1 << 0
	fuseMaxPages    = 1 << 22
	fuseKeepCache   = 1 << 1 // of an answer to OPEN
	fuseCacheDir    = 1 << 3
	maxRead         = 1 << 20
	fuseBuffer      = 64 << 10
	fuseReaders     = 4
	forAnHour       = 3600
	fuseHeaderBytes = 40
)

type fuseIn struct {
	Length, Opcode   uint32
	Unique, Node     uint64
	UID, GID, PID, _ uint32
}

type fuseAttr struct {
	Ino, Size, Blocks                  uint64
	Atime, Mtime, Ctime                uint64
	AtimeN, MtimeN, CtimeN             uint32
	Mode, Nlink, UID, GID, Rdev, Block uint32
	_                                  uint32
}

type fuseEntry struct {
	Node, Generation, EntryValid, AttrValid uint64
	EntryValidN, AttrValidN                 uint32
	Attr                                    fuseAttr
}

type fuseAttrOut struct {
	Valid     uint64
	ValidN, _ uint32
	Attr      fuseAttr
}

type fuseReadIn struct {
	Handle, Offset uint64
	Size, _        uint32
	_              uint64
	_, _           uint32
}

type fuseInitOut struct {
	Major, Minor, Readahead, Flags uint32
	Background, Congestion         uint16
	MaxWrite, TimeGran             uint32
	MaxPages, _                    uint16
	_                              [8]uint32
}

// mount shows a tree at a directory of this host, to everybody and only to be read. It gives the device over
// which the kernel asks.
func mount(at string) (*os.File, error) {
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("/dev/fuse: %w", err)
	}
	options := fmt.Sprintf("fd=%d,rootmode=40000,user_id=%d,group_id=%d,allow_other,max_read=%d", fd, os.Getuid(), os.Getgid(), maxRead)
	if err := unix.Mount("cloister", at, "fuse.cloister", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_RDONLY, options); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("mount %s: %w", at, err)
	}
	return os.NewFile(uintptr(fd), "/dev/fuse"), nil
}

// fuse answers the kernel from a tree; what files hold it is told by read.
type fuse struct {
	device *os.File
	tree   tree
	born   uint64
	read   func(unique uint64, file int, off int64, n int) // somebody answers
	cancel func(unique uint64) (waits bool)
}

// serve answers until the mount is gone.
func (f *fuse) serve() {
	f.born = uint64(time.Now().Unix())
	done := make(chan struct{}, fuseReaders)
	for range fuseReaders {
		go func() { f.loop(); done <- struct{}{} }()
	}
	for range fuseReaders {
		<-done
	}
}

func (f *fuse) loop() {
	b := make([]byte, fuseBuffer)
	for {
		n, err := unix.Read(int(f.device.Fd()), b)
		switch {
		case err == unix.EINTR || err == unix.EAGAIN || err == unix.ENOENT:
			continue
		case err != nil || n < fuseHeaderBytes:
			return
		}
		var in fuseIn
		binary.Read(bytes.NewReader(b[:fuseHeaderBytes]), binary.NativeEndian, &in) //nolint:errcheck // it is there
		f.one(in, b[fuseHeaderBytes:n])
	}
}

// one answers one request; what takes time, in a goroutine.
func (f *fuse) one(in fuseIn, body []byte) {
	switch in.Opcode {
	case fuseForget, fuseBatchForget:
		return // nodes stay
	case fuseInterrupt:
		if len(body) >= 8 {
			if unique := binary.NativeEndian.Uint64(body); f.cancel(unique) {
				f.answer(unique, unix.EINTR)
			}
		}
		return
	case fuseInit:
		f.init(in, body)
		return
	}
	if in.Node == 0 || in.Node > uint64(len(f.tree)) {
		f.answer(in.Unique, unix.ENOENT)
		return
	}
	at := &f.tree[in.Node-1]
	switch in.Opcode {
	case fuseLookup:
		i, ok := at.index[string(bytes.TrimRight(body, "\x00"))]
		if !ok {
			f.answer(in.Unique, unix.ENOENT)
			return
		}
		f.answer(in.Unique, 0, fuseEntry{Node: uint64(i + 1), EntryValid: forAnHour, AttrValid: forAnHour, Attr: f.attr(i)})
	case fuseGetattr:
		f.answer(in.Unique, 0, fuseAttrOut{Valid: forAnHour, Attr: f.attr(int(in.Node - 1))})
	case fuseOpen:
		if len(body) >= 4 && binary.NativeEndian.Uint32(body)&unix.O_ACCMODE != unix.O_RDONLY {
			f.answer(in.Unique, unix.EROFS)
			return
		}
		f.answer(in.Unique, 0, struct {
			Handle   uint64
			Flags, _ uint32
		}{0, fuseKeepCache, 0})
	case fuseOpendir:
		f.answer(in.Unique, 0, struct {
			Handle   uint64
			Flags, _ uint32
		}{0, fuseKeepCache | fuseCacheDir, 0})
	case fuseRead:
		f.startRead(in, at, body)
	case fuseReaddir:
		f.list(in, at, body)
	case fuseStatfs:
		f.answer(in.Unique, 0, struct {
			Blocks, Free, Available, Files, FilesFree uint64
			Block, Name, Fragment, _                  uint32
			_                                         [6]uint32
		}{Files: uint64(len(f.tree)), Block: 4096, Name: 255, Fragment: 4096})
	case fuseAccess:
		if len(body) >= 4 && binary.NativeEndian.Uint32(body)&2 != 0 {
			f.answer(in.Unique, unix.EROFS)
			return
		}
		f.answer(in.Unique, 0)
	case fuseRelease, fuseReleasedir, fuseFlush, fuseDestroy:
		f.answer(in.Unique, 0)
	default:
		f.answer(in.Unique, unix.ENOSYS)
	}
}

func (f *fuse) init(in fuseIn, body []byte) {
	if len(body) < 16 {
		f.answer(in.Unique, unix.EIO)
		return
	}
	asked := binary.NativeEndian.Uint32(body[12:])
	f.answer(in.Unique, 0, fuseInitOut{
		Major: fuseMajor, Minor: fuseMinor, Readahead: maxRead, Flags: asked & (fuseAsyncRead | fuseMaxPages),
		Background: 64, Congestion: 48, MaxWrite: 4096, TimeGran: 1, MaxPages: maxRead / 4096,
	})
}

func (f *fuse) attr(i int) fuseAttr {
	n := &f.tree[i]
	a := fuseAttr{Ino: uint64(i + 1), Size: uint64(n.size), Blocks: uint64(n.size+511) / 512, Atime: f.born, Mtime: f.born, Ctime: f.born, Mode: unix.S_IFREG | 0o444, Nlink: 1, Block: 4096}
	if n.file < 0 {
		a.Mode, a.Nlink = unix.S_IFDIR|0o555, 2
	}
	return a
}

func (f *fuse) startRead(in fuseIn, at *node, body []byte) {
	var r fuseReadIn
	if binary.Read(bytes.NewReader(body), binary.NativeEndian, &r) != nil || at.file < 0 {
		f.answer(in.Unique, unix.EINVAL)
		return
	}
	n := min(int64(r.Size), maxRead, at.size-min(int64(r.Offset), at.size))
	if n <= 0 {
		f.answer(in.Unique, 0)
		return
	}
	f.read(in.Unique, at.file, int64(r.Offset), int(n))
}

// list answers with entries from an offset on, as many as there is room for.
func (f *fuse) list(in fuseIn, at *node, body []byte) {
	var r fuseReadIn
	if binary.Read(bytes.NewReader(body), binary.NativeEndian, &r) != nil || at.file >= 0 {
		f.answer(in.Unique, unix.ENOTDIR)
		return
	}
	var out []byte
	for i := int64(r.Offset); i >= 0 && i < int64(len(at.children))+2; i++ {
		name, number, kind := []string{".", ".."}[min(i, 1)], int(in.Node-1), uint32(unix.DT_DIR)
		if i >= 2 {
			number = at.children[i-2]
			if name = f.tree[number].name; f.tree[number].file >= 0 {
				kind = unix.DT_REG
			}
		}
		size := (24 + len(name) + 7) &^ 7
		if len(out)+size > int(r.Size) {
			break
		}
		entry := make([]byte, size)
		binary.NativeEndian.PutUint64(entry, uint64(number+1))
		binary.NativeEndian.PutUint64(entry[8:], uint64(i+1))
		binary.NativeEndian.PutUint32(entry[16:], uint32(len(name)))
		binary.NativeEndian.PutUint32(entry[20:], kind)
		copy(entry[24:], name)
		out = append(out, entry...)
	}
	f.answer(in.Unique, 0, out)
}

// answer writes an answer in one piece; who asked may be gone.
func (f *fuse) answer(unique uint64, errno unix.Errno, parts ...any) {
	var body []byte
	for _, p := range parts {
		if raw, ok := p.([]byte); ok {
			body = raw
		} else {
			var b bytes.Buffer
			binary.Write(&b, binary.NativeEndian, p) //nolint:errcheck // of fixed size
			body = b.Bytes()
		}
	}
	reply(int(f.device.Fd()), unique, errno, body) //nolint:errcheck // who asked may be gone
}

// reply is one write to the device. Whoever asked may be gone: then there is nobody of that number.
func reply(device int, unique uint64, errno unix.Errno, body ...[]byte) error {
	head := make([]byte, 16)
	all := make([][]byte, 1, len(body)+1)
	all[0] = head
	size := len(head)
	for _, b := range body {
		if len(b) > 0 {
			size += len(b)
			all = append(all, b)
		}
	}
	binary.NativeEndian.PutUint32(head, uint32(size))
	binary.NativeEndian.PutUint32(head[4:], uint32(-int32(errno)))
	binary.NativeEndian.PutUint64(head[8:], unique)
	for {
		switch _, err := unix.Writev(device, all); err {
		case unix.EINTR:
			continue
		case unix.ENOENT:
			return nil
		default:
			return err
		}
	}
}
