package executortest

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// Guest is what the suite's program is given, in whatever kind of container.
type Guest struct {
	Args, Env []string
	Directory string
	Output    io.Writer
	// Terminate is closed at SIGTERM, Kill when the guest can not be stopped otherwise.
	Terminate, Kill <-chan struct{}
	// Open opens a path as the container sees it.
	Open func(name string) (io.ReadCloser, error)
}

// Behave is the suite's program: its first argument says how to behave.
func Behave(g Guest) int {
	verb, args := "", g.Args
	if len(args) > 1 {
		verb, args = args[1], args[2:]
	}
	switch verb {
	case "exit":
		code, _ := strconv.Atoi(args[0])
		return code
	case "say":
		for _, line := range args {
			fmt.Fprintln(g.Output, line)
		}
	case "part":
		fmt.Fprint(g.Output, args[0])
	case "env":
		for _, name := range args {
			fmt.Fprintln(g.Output, lookup(g.Env, name))
		}
	case "where":
		fmt.Fprintln(g.Output, g.Directory)
	case "giant":
		size, _ := strconv.Atoi(args[0])
		fmt.Fprintln(g.Output, strings.Repeat("€", size/3))
	case "count":
		n, _ := strconv.Atoi(args[0])
		for i := range n {
			fmt.Fprintln(g.Output, i)
		}
	case "cat":
		return cat(g, args[0])
	case "polite":
		fmt.Fprintln(g.Output, "ready")
		select {
		case <-g.Terminate:
			fmt.Fprintln(g.Output, "bye")
			return 7
		case <-g.Kill:
		}
	case "stubborn":
		fmt.Fprintln(g.Output, "ready")
		<-g.Kill
	case "tick":
		return tick(g)
	default:
		fmt.Fprintln(g.Output, "unknown behaviour", verb)
		return 64
	}
	return 0
}

func lookup(env []string, name string) string {
	for _, pair := range env {
		if value, ok := strings.CutPrefix(pair, name+"="); ok {
			return value
		}
	}
	return "(unset)"
}

func cat(g Guest, name string) int {
	file, err := g.Open(name)
	if err != nil {
		fmt.Fprintln(g.Output, err)
		return 1
	}
	defer file.Close()
	io.Copy(g.Output, file)
	return 0
}

func tick(g Guest) int {
	for i := 0; ; i++ {
		fmt.Fprintln(g.Output, "tick", i)
		select {
		case <-g.Terminate:
			return 0
		case <-g.Kill:
			return 0
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// OpenFile is Open for a guest that is a process of its own.
func OpenFile(name string) (io.ReadCloser, error) { return os.Open(name) }
