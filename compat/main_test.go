package compat

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// The first thread is kept for TestMain: a test that leaves its thread in a namespace, to end there, would leave this one
// in it for good, and with it the whole process, as purge sees it.
func init() { runtime.LockOSThread() }

// TestMain fails when a Cloister changed what is the host's: its interfaces.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == echoCommand {
		os.Exit(echo(os.Args[2:]))
	}
	if filepath.Base(os.Args[0]) == "aws" {
		os.Exit(askClerk(os.Args[1:]))
	}
	stop, err := startClerk()
	if err != nil {
		fmt.Println("FAIL:", err)
		os.Exit(1)
	}
	links := hostLinks()
	code := m.Run()
	stop()
	for _, l := range hostLinks() {
		if !slices.Contains(links, l) && strings.HasPrefix(l, "cl") {
			fmt.Println("FAIL: a new interface of the host's:", l)
			code = 1
		}
	}
	os.Exit(code)
}

// digits is a file with the digits' features, as the demo's program writes it.
func digits(t *testing.T) string {
	t.Helper()
	digitsFile.Do(func() {
		digitsFile.path = filepath.Join(os.TempDir(), fmt.Sprintf("digits-%d.csv", os.Getpid()))
		digitsFile.err = writeDigits(digitsFile.path)
	})
	if digitsFile.err != nil {
		t.Fatal(digitsFile.err)
	}
	return digitsFile.path
}

func writeDigits(path string) error {
	binary, err := program("digits")
	if err != nil {
		return err
	}
	out, err := exec.Command(binary, "features").Output()
	if err != nil {
		return err
	}
	return os.WriteFile(path, out, 0o644)
}

var digitsFile struct {
	sync.Once
	path string
	err  error
}

// needProgram skips a test whose client this machine does not have.
func needProgram(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not on this machine", name)
	}
	return path
}
