// Command hostile is the program of images that the tests attack a Cloister with. Its acts are named by the variable ACTS.
// Of each attack it says "contained: NAME: why" or "escaped: NAME: what it got".
package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"
)

var acts = map[string]func(){
	"look": look, "orphans": orphans, "outputs": outputs, "race": race, "pipes": pipes, "views": views, "peers": peers,
	"metadata": metadata, "tell": tell, "own": own, "threads": threads, "wait": func() { time.Sleep(time.Hour) }, "fail": func() { os.Exit(7) },
}

func main() {
	if os.Getenv("ORPHAN") != "" {
		orphan()
	}
	for _, a := range strings.Split(os.Getenv("ACTS"), ",") {
		acts[a]()
	}
}

// try says what came of an attack that must not succeed.
func try(name string, attack func() error) {
	if err := attack(); err != nil {
		fmt.Printf("contained: %s: %v\n", name, err)
	} else {
		fmt.Printf("escaped: %s: done\n", name)
	}
}

// look says what there is at every path of LOOK.
func look() {
	dir, err := os.Getwd()
	fmt.Printf("in %s %v as %d:%d\n", dir, err, os.Getuid(), os.Getgid())
	for _, path := range strings.Split(os.Getenv("LOOK"), ":") {
		info, err := os.Lstat(path)
		if err != nil {
			fmt.Printf("nothing at %s\n", path)
			continue
		}
		b, err := os.ReadFile(path)
		fmt.Printf("at %s: %v %q\n", path, info.Mode(), b[:min(len(b), 64)])
	}
}

// own writes below /opt/ml, /tmp and /dev/shm, which must be the container's own.
func own() {
	for _, path := range []string{"/opt/ml/model/own", "/tmp/own", "/dev/shm/own"} {
		fmt.Printf("own %s: %v\n", path, os.WriteFile(path, []byte("own"), 0o644))
	}
}

// tell says where its credentials are, for others to steal.
func tell() {
	fmt.Println("my credentials are at", os.Getenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"))
}

// threads makes threads without end, each of which stays.
func threads() {
	for n := 0; ; n++ {
		if n%1000 == 0 {
			fmt.Println("threads:", n)
		}
		go func() {
			runtime.LockOSThread()
			syscall.Pause()
		}()
	}
}
