package compat

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
)

// clerkAt is the variable that says where the directory with the clerk's socket is, and the `aws` that asks it.
//
// The clerk is the AWS CLI of this machine, loaded once: see clerk/sitecustomize.py. `aws` anywhere in a test, on the
// host, on Cloister's internet, in a subnet or in a script, is a small client of it, which becomes the real one when
// there is no clerk. TestEveryCLI runs the CLIs themselves.
const clerkAt = "CLOISTER_TEST_CLERK"

// startClerk puts the clerk's `aws` first in the path; stop ends it. Only root's processes enter others' namespaces.
func startClerk() (stop func(), err error) {
	cli, err := exec.LookPath("aws")
	if err != nil || os.Geteuid() != 0 {
		return func() {}, nil
	}
	dir, err := os.MkdirTemp("", "clerk-")
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if err := os.Symlink(self, filepath.Join(dir, "aws")); err != nil {
		return nil, err
	}
	modules, err := filepath.Abs("clerk")
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(cli, "--version") // Python reads our module first, which does not let it come to that
	cmd.Env = append(os.Environ(), "PYTHONPATH="+modules, "PYTHONDONTWRITEBYTECODE=1", "CLOISTER_CLERK_SERVES="+filepath.Join(dir, "socket"))
	cmd.Stderr = os.Stderr
	open, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	os.Setenv(clerkAt, dir)                                                 //nolint:errcheck // a good name
	os.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH")) //nolint:errcheck // a good name
	return func() {
		open.Close()
		cmd.Wait() //nolint:errcheck // nobody needs it any more
		os.RemoveAll(dir)
	}, nil
}

// askClerk has the clerk run the AWS CLI as this process, and gives the code that it ended with.
func askClerk(args []string) int {
	code, err := asked(filepath.Join(os.Getenv(clerkAt), "socket"), args)
	if err == nil {
		return code
	}
	for _, path := range every("aws") {
		err = syscall.Exec(path, append([]string{path}, args...), os.Environ())
	}
	fmt.Fprintln(os.Stderr, "aws:", err)
	return 70
}

func asked(socket string, args []string) (int, error) {
	c, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		return 0, err
	}
	defer c.Close()
	directory, err := os.Getwd()
	if err != nil {
		return 0, err
	}
	order, err := json.Marshal(map[string]any{"args": args, "environment": os.Environ(), "directory": directory})
	if err != nil {
		return 0, err
	}
	files := []int{0, 1, 2}
	for _, name := range []string{"/proc/self/ns/mnt", "/proc/self/ns/net"} {
		f, err := os.Open(name)
		if err != nil {
			return 0, err
		}
		defer f.Close()
		files = append(files, int(f.Fd()))
	}
	if _, _, err := c.WriteMsgUnix(order, syscall.UnixRights(files...), nil); err != nil {
		return 0, err
	}
	if err := c.CloseWrite(); err != nil {
		return 0, err
	}
	said, err := io.ReadAll(c)
	if code, wrong := strconv.Atoi(string(said)); err == nil && wrong == nil {
		return code, nil
	}
	return 70, nil // it may have worked: nothing is done twice
}
