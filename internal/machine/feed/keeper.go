package feed

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

const (
	fdReady = 3
	fdLock  = 4 // locked by who started us; nobody else has it
	// mostAhead is how many passes of a pipe may be open at a time.
	mostAhead = 32
	// watchEvery is how often the keeper looks whether it is still wanted.
	watchEvery = time.Second
)

// Main is the main function of the keeper. Its one argument is its directory.
func Main(args []string) int {
	unix.CloseOnExec(fdReady)
	unix.CloseOnExec(fdLock)
	unix.Umask(0o022) // a container's user reads what we make
	// Whoever ends the feeder does not end the pipes.
	signal.Notify(make(chan os.Signal, 1), unix.SIGHUP, unix.SIGINT, unix.SIGTERM)
	if len(args) != 1 {
		fmt.Fprintln(os.Stderr, "the keeper of pipes is started by the daemon, with a directory")
		return 2
	}
	if err := keep(args[0]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// keep runs in the directory, so its socket has a short name.
func keep(directory string) error {
	if err := os.Chdir(directory); err != nil {
		return err
	}
	lock := os.NewFile(fdLock, lockFile)
	if _, err := lock.WriteString(strconv.Itoa(os.Getpid())); err != nil {
		return err
	}
	what, err := readOrder(".")
	if err != nil {
		return err
	}
	var views []*view
	for _, v := range what.Views {
		x, err := openView(v)
		if err != nil {
			return err
		}
		defer hide(v.At) //nolint:errcheck // it may be gone
		views = append(views, x)
	}
	var pipes []*pipe
	for _, o := range what.Pipes {
		p, err := openPipe(o)
		if err != nil {
			return err
		}
		pipes = append(pipes, p)
		go p.pass(0)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: socketFile, Net: "unix"})
	if err != nil {
		return err
	}
	go listen(l, pipes, views)
	ready := os.NewFile(fdReady, "ready")
	ready.WriteString("ready") //nolint:errcheck // nobody waits any more
	ready.Close()
	for { // a directory that somebody removed is the end, also where nobody was left to say so
		time.Sleep(watchEvery)
		var st unix.Stat_t
		if err := unix.Fstat(int(lock.Fd()), &st); err != nil || st.Nlink == 0 {
			return nil
		}
	}
}

func listen(l *net.UnixListener, pipes []*pipe, views []*view) {
	for {
		conn, err := l.AcceptUnix()
		if err != nil {
			time.Sleep(time.Millisecond) // too many files: it passes
			continue
		}
		go func() {
			defer conn.Close()
			var n uint32
			if binary.Read(conn, binary.LittleEndian, &n) != nil {
				return
			}
			if v := n &^ viewFlag; n != v && int(v) < len(views) {
				views[v].feed(conn)
			} else if int(n) < len(pipes) {
				pipes[n].feed(conn)
			}
		}()
	}
}

// pipe is one channel.
type pipe struct {
	Pipe
	dir   int // the directory, as it was before any container could change what is above it
	wants chan *pass
	room  chan struct{}
}

// pass is a pass that somebody reads.
type pass struct {
	number int64
	to     *os.File
	given  int64
	mark   []byte
}

func openPipe(p Pipe) (*pipe, error) {
	dir, err := unix.Open(p.Directory, unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC|unix.O_RDONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.Directory, err)
	}
	out := &pipe{Pipe: p, dir: dir, wants: make(chan *pass), room: make(chan struct{}, mostAhead)}
	return out, out.make(0)
}

func (p *pipe) name(number int64) string { return p.Name + "_" + strconv.FormatInt(number, 10) }

// make makes a FIFO. What the container has put there before goes. It gets its mode as it is made: the container may
// put a link in its place at once, and a change of mode would follow that.
func (p *pipe) make(number int64) error {
	name := p.name(number)
	err := unix.Mkfifoat(p.dir, name, 0o644)
	if err == unix.EEXIST {
		if err = unix.Unlinkat(p.dir, name, 0); err == nil {
			err = unix.Mkfifoat(p.dir, name, 0o644)
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// pass waits for a reader and hands the pass to a feeder.
func (p *pipe) pass(number int64) {
	f, err := p.open(number)
	if err != nil {
		fmt.Fprintln(os.Stderr, err) // the container took its own pipe away
		return
	}
	// Who reads to the end opens the next at once: it must be there before.
	if err := p.make(number + 1); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	p.room <- struct{}{}
	go p.pass(number + 1)
	p.wants <- &pass{number: number, to: f}
}

// open waits until somebody reads. The container may have put anything in the FIFO's place.
func (p *pipe) open(number int64) (*os.File, error) {
	name := p.name(number)
	for {
		fd, err := unix.Openat(p.dir, name, unix.O_WRONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFIFO {
			unix.Close(fd)
			return nil, fmt.Errorf("%s is no pipe any more", name)
		}
		return os.NewFile(uintptr(fd), name), nil
	}
}

// feed gives a pass to who asks for one, and takes it back when he goes.
func (p *pipe) feed(conn net.Conn) {
	gone := make(chan struct{})
	r := bufio.NewReaderSize(conn, 256<<10)
	// Nothing comes before the feeder has been asked, so what this sees is his end or what he was asked for.
	go func() { defer close(gone); r.Peek(1) }() //nolint:errcheck // either way
	var x *pass
	select {
	case x = <-p.wants:
	case <-gone:
		return
	}
	said, err := p.carry(conn, r, gone, x)
	if err != nil {
		p.wants <- x
		return
	}
	if said == saidEarly && x.given == 0 { // who only looked may come back
		x.to.Close()
		go p.again(x.number)
	} else {
		p.shut(x)
	}
	<-p.room
	conn.Write([]byte{said}) //nolint:errcheck // he may be gone
}

// shut ends a pass. The name goes first: nobody is to open a pipe in which nothing will come.
func (p *pipe) shut(x *pass) {
	unix.Unlinkat(p.dir, p.name(x.number), 0) //nolint:errcheck // it is the container's directory
	x.to.Close()
}

// again waits for another reader of a pass of which nobody has had anything.
func (p *pipe) again(number int64) {
	if f, err := p.open(number); err == nil {
		p.room <- struct{}{}
		p.wants <- &pass{number: number, to: f}
	}
}

// carry moves frames to the reader until one of the ends is reached; an error is the feeder's.
func (p *pipe) carry(conn net.Conn, r *bufio.Reader, gone <-chan struct{}, x *pass) (said byte, err error) {
	b, err := binary.Append(nil, binary.LittleEndian, need{x.number, x.given, uint32(len(x.mark))})
	if err != nil {
		return 0, err
	}
	if _, err := conn.Write(append(b, x.mark...)); err != nil {
		return 0, err
	}
	<-gone
	for {
		var head [5]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return 0, err
		}
		length := binary.LittleEndian.Uint32(head[1:])
		switch head[0] {
		case frameEnd:
			return saidWhole, nil
		case frameMark:
			if length > mostMark {
				return 0, errors.New("a long mark")
			}
			mark := make([]byte, length)
			if _, err := io.ReadFull(r, mark); err != nil {
				return 0, err
			}
			x.mark = mark
		case frameData:
			if early, err := x.take(r, int64(length)); early || err != nil {
				return saidEarly, err
			}
		default:
			return 0, errors.New("an unknown frame")
		}
	}
}

// take writes one frame's bytes into the pipe, and counts them.
func (x *pass) take(r *bufio.Reader, left int64) (early bool, err error) {
	for left > 0 {
		if _, err := r.Peek(1); err != nil {
			return false, err
		}
		b, err := r.Peek(int(min(left, int64(r.Buffered()))))
		if err != nil {
			return false, err
		}
		n, err := x.to.Write(b)
		x.given, left = x.given+int64(n), left-int64(n)
		r.Discard(n) //nolint:errcheck // they are there
		if err != nil {
			return true, nil
		}
	}
	return false, nil
}
