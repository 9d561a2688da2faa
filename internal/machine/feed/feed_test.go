package feed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "keeper" {
		os.Exit(Main(os.Args[2:]))
	}
	os.Exit(m.Run())
}

var command = []string{"/proc/self/exe", "keeper"}

// kept starts a keeper of the pipes a and b.
func kept(t *testing.T) (k *Keeper, data string) {
	t.Helper()
	base := filepath.Join(t.TempDir(), strings.Repeat("long", 30)) // longer than a socket's name may be
	data = filepath.Join(base, "data")
	if err := os.MkdirAll(data, 0o755); err != nil {
		t.Fatal(err)
	}
	k, err := Start(t.Context(), command, filepath.Join(base, "keeper"), []Pipe{{data, "a"}, {data, "b"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { Remove(context.Background(), k.directory) })
	return k, data
}

// read gives what a reader of a pass sees until its end.
func read(t *testing.T, name string) <-chan string {
	out := make(chan string, 1)
	go func() {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Error(err)
		}
		out <- string(b)
	}()
	return out
}

func next(t *testing.T, k *Keeper, pipe int) *Pass {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	p, err := k.Next(ctx, pipe)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestPassAfterPass(t *testing.T) {
	k, data := kept(t)
	for pass := range 5 {
		for i, name := range []string{"a", "b"} {
			got := read(t, fmt.Sprintf("%s/%s_%d", data, name, pass))
			p := next(t, k, i)
			if p.Epoch != int64(pass) || p.Offset != 0 || len(p.Mark) != 0 {
				t.Fatalf("asked for pass %d from %d, mark %q", p.Epoch, p.Offset, p.Mark)
			}
			want := strings.Repeat(fmt.Sprint(name, pass, " "), 100_000*pass)
			_, err := io.WriteString(p, want)
			must(t, err)
			must(t, p.Done())
			if s := <-got; s != want {
				t.Errorf("pass %d of %s: %d bytes of %d", pass, name, len(s), len(want))
			}
			if _, err := os.Lstat(fmt.Sprintf("%s/%s_%d", data, name, pass)); !os.IsNotExist(err) {
				t.Errorf("a pipe in which nothing will come: %v", err)
			}
		}
	}
}

// TestFeederDies has the reader see every byte once though whoever feeds it dies again and again.
func TestFeederDies(t *testing.T) {
	k, data := kept(t)
	var all bytes.Buffer
	for i := range 200_000 {
		fmt.Fprintf(&all, "%d,", i)
	}
	want := all.Bytes()
	got := read(t, data+"/a_0")
	for deaths := 0; ; deaths++ {
		p := next(t, k, 0)
		if p.Epoch != 0 {
			t.Fatalf("pass %d", p.Epoch)
		}
		from := int64(0)
		if p.Offset > 0 {
			n, err := strconv.ParseInt(string(p.Mark), 10, 64)
			if must(t, err); n > p.Offset || p.Offset-n > 2<<20 {
				t.Fatalf("mark %d, offset %d", n, p.Offset)
			}
			from = p.Offset
		}
		rest := want[from:]
		part := rest[:min(len(rest), 77_777*(deaths+1))]
		must(t, p.Note(strconv.AppendInt(nil, from, 10)))
		_, err := p.Write(part)
		must(t, err)
		if len(part) == len(rest) {
			must(t, p.Done())
			break
		}
		if deaths%2 == 0 {
			must(t, p.w.Flush())
		}
		p.conn.Close() // as kill -9 does
	}
	if s := <-got; s != string(want) {
		t.Errorf("%d bytes of %d", len(s), len(want))
	}
}

func TestReaderLeavesEarly(t *testing.T) {
	k, data := kept(t)
	f, err := os.Open(data + "/a_0")
	must(t, err)
	p := next(t, k, 0)
	written := make(chan error, 1)
	go func() {
		for {
			if _, err := p.Write(make([]byte, 100_000)); err != nil {
				written <- err
				return
			}
		}
	}()
	_, err = io.ReadFull(f, make([]byte, 10))
	must(t, err)
	f.Close()
	if err := <-written; !errors.Is(err, ErrEarly) {
		t.Errorf("writing on: %v", err)
	}
	got := read(t, data+"/a_1")
	p = next(t, k, 0)
	_, err = io.WriteString(p, "second")
	must(t, err)
	must(t, p.Done())
	if s := <-got; s != "second" || p.Epoch != 1 {
		t.Errorf("pass %d: %q", p.Epoch, s)
	}
}

// TestTwoPassesAtATime reads the second while the first is open.
func TestTwoPassesAtATime(t *testing.T) {
	k, data := kept(t)
	one, err := os.Open(data + "/a_0")
	must(t, err)
	defer one.Close()
	first := next(t, k, 0)
	got := read(t, data+"/a_1")
	second := next(t, k, 0)
	_, err = io.WriteString(second, "2")
	must(t, err)
	must(t, second.Done())
	if s := <-got; s != "2" {
		t.Errorf("second: %q", s)
	}
	_, err = io.WriteString(first, "1")
	must(t, err)
	must(t, first.Done())
	if b, err := io.ReadAll(one); string(b) != "1" || err != nil {
		t.Errorf("first: %q %v", b, err)
	}
}

func TestWhoOnlyLooksMayComeBack(t *testing.T) {
	k, data := kept(t)
	f, err := os.Open(data + "/a_0")
	must(t, err)
	f.Close()
	p := next(t, k, 0)
	io.WriteString(p, "x") //nolint:errcheck // nobody is there
	if err := p.Done(); !errors.Is(err, ErrEarly) {
		t.Fatal(err)
	}
	got := read(t, data+"/a_0")
	p = next(t, k, 0)
	_, err = io.WriteString(p, "x")
	must(t, err)
	must(t, p.Done())
	if s := <-got; s != "x" {
		t.Errorf("%q", s)
	}
}

// TestContainerCheats puts other things in a pipe's place; nothing may be written there.
func TestContainerCheats(t *testing.T) {
	k, data := kept(t)
	secret := filepath.Join(t.TempDir(), "secret")
	must(t, os.WriteFile(secret, []byte("secret"), 0o644))
	aside := data + "-aside"
	must(t, os.Rename(data, aside)) // the keeper holds the directory, not its name
	must(t, os.Mkdir(data, 0o755))
	must(t, os.Symlink(secret, data+"/a_1"))
	must(t, os.Symlink(secret, aside+"/a_1"))
	must(t, os.WriteFile(aside+"/b_1", []byte("file"), 0o644))
	for i, name := range []string{"a", "b"} {
		got := read(t, aside+"/"+name+"_0")
		p := next(t, k, i)
		must(t, os.Remove(aside+"/"+name+"_1")) // it is a pipe by now, and becomes something else
		if name == "a" {
			must(t, os.Symlink(secret, aside+"/a_1"))
		} else {
			must(t, os.WriteFile(aside+"/b_1", []byte("file"), 0o644))
		}
		_, err := io.WriteString(p, "x")
		must(t, err)
		must(t, p.Done())
		if s := <-got; s != "x" {
			t.Errorf("%q", s)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := k.Next(ctx, 0); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("somebody reads a link: %v", err)
	}
	for name, want := range map[string]string{secret: "secret", aside + "/b_1": "file"} {
		if b, err := os.ReadFile(name); err != nil || string(b) != want {
			t.Errorf("%s holds %q %v", name, b, err)
		}
	}
}

// TestALinkInThePlaceOfAPipe has a container put links to a file of the host's where pipes are made, as quickly as it
// can: the file stays as it is.
func TestALinkInThePlaceOfAPipe(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	must(t, os.WriteFile(secret, []byte("secret"), 0o600))
	was := unix.Umask(0o077) // of who starts the keeper
	k, data := kept(t)
	unix.Umask(was)
	if info, err := os.Lstat(data + "/a_0"); err != nil || info.Mode() != os.ModeNamedPipe|0o644 {
		t.Errorf("a pipe is %v %v", info, err)
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	p := &pipe{Pipe: Pipe{data, "c"}}
	var err error
	p.dir, err = unix.Open(data, unix.O_DIRECTORY|unix.O_RDONLY|unix.O_CLOEXEC, 0)
	must(t, err)
	defer unix.Close(p.dir)
	go func() {
		defer close(stopped)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			link := filepath.Join(data, "link")
			os.Symlink(secret, link)            //nolint:errcheck // it is tried again
			os.Rename(link, data+"/"+p.name(0)) //nolint:errcheck // it is tried again
		}
	}()
	for range 20_000 {
		p.make(0) //nolint:errcheck // the container may have been quicker
		if info, err := os.Stat(secret); err != nil || info.Mode() != 0o600 {
			t.Errorf("the file outside is %v %v", info.Mode(), err)
			break
		}
	}
	close(stop)
	<-stopped
	if !k.Alive() {
		t.Error("the keeper is gone")
	}
}

func TestKeeperIsLost(t *testing.T) {
	k, data := kept(t)
	got := read(t, data+"/a_0")
	p := next(t, k, 0)
	if !k.Alive() {
		t.Error("not alive")
	}
	b, err := os.ReadFile(filepath.Join(k.directory, lockFile))
	must(t, err)
	pid, err := strconv.Atoi(string(b))
	must(t, err)
	must(t, unix.Kill(pid, unix.SIGTERM)) // it is deaf to this
	io.WriteString(p, "half")
	must(t, p.w.Flush())
	must(t, unix.Kill(pid, unix.SIGKILL))
	<-got
	for k.Alive() {
		time.Sleep(time.Millisecond)
	}
	if _, err := p.Write(make([]byte, 1<<20)); !errors.Is(err, ErrLost) {
		t.Errorf("feeding goes on: %v", err)
	}
	if _, err := k.Next(t.Context(), 0); !errors.Is(err, ErrLost) {
		t.Errorf("next: %v", err)
	}
	if _, err := Find(k.directory); !errors.Is(err, ErrLost) {
		t.Errorf("found: %v", err)
	}
}

func TestRemove(t *testing.T) {
	k, _ := kept(t)
	if _, err := Find(k.directory); err != nil {
		t.Error(err)
	}
	for range 2 {
		must(t, Remove(t.Context(), k.directory))
		if k.Alive() {
			t.Error("alive")
		}
	}
	k, _ = kept(t)
	lock, err := os.Open(filepath.Join(k.directory, lockFile))
	must(t, err)
	defer lock.Close()
	must(t, os.RemoveAll(k.directory)) // as an operator does who removes everything
	for end := time.Now().Add(20 * time.Second); unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the keeper of nothing lives on")
		}
	}
}
