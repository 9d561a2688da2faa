package compat

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const (
	region  = "us-east-1"
	account = "123456789012"
	kmeans  = "382416733822.dkr.ecr." + region + ".amazonaws.com/kmeans:1"
	probe   = account + ".dkr.ecr." + region + ".amazonaws.com/cloister-probe:1"
)

// daemon is one Cloister with a data directory of its own.
type daemon struct {
	binary, data, listen string
	tunnels              int // the UDP port of its first VPN gateway
	// as is the user that runs it; nil is us.
	as *syscall.Credential
	// flags are more of serve's.
	flags []string
	// other is the region that calls are of, if not the first.
	other string
	// env is what every process of this Cloister's gets; nil is ours.
	env []string

	process *exec.Cmd
	ended   chan struct{}
}

// program finds one of the repository's own programs; CLOISTER_BIN says where others than make's are.
func program(name string) (string, error) {
	return filepath.Abs(filepath.Join(cmp.Or(os.Getenv("CLOISTER_BIN"), "../bin"), name))
}

// newDaemon chooses a place for a Cloister.
func newDaemon() (*daemon, error) {
	data, err := os.MkdirTemp("", "data-")
	if err != nil {
		return nil, err
	}
	at := freePorts()
	binary, err := program("cloister")
	if err != nil {
		return nil, err
	}
	return &daemon{binary: binary, data: data, listen: fmt.Sprintf("127.0.0.1:%d", at), tunnels: at + 1}, nil
}

// ports gives each Cloister sixteen ports of its own: below those that the kernel gives to whoever asks for
// any, so that nobody has them while one is between two starts.
var ports = sync.OnceValue(func() *atomic.Int32 {
	var at atomic.Int32
	at.Store(10000 + rand.Int32N(1000)*16)
	return &at
})

func freePorts() int {
	for {
		at := int(ports().Add(16))
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", at))
		if err != nil {
			continue
		}
		l.Close()
		u, err := net.ListenPacket("udp4", fmt.Sprintf(":%d", at+1))
		if err != nil {
			continue
		}
		u.Close()
		return at
	}
}

// own starts a Cloister for this test alone, and has it purged in the end.
func own(t *testing.T) *daemon {
	t.Helper()
	needRoot(t)
	d, err := newDaemon()
	if err != nil {
		t.Fatal(err)
	}
	d.run(t)
	return d
}

// run starts the server until the test's end.
func (d *daemon) run(t *testing.T) {
	t.Helper()
	t.Cleanup(func() {
		if err := d.remove(); err != nil {
			t.Error(err)
		}
	})
	d.restart(t)
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, as the VPCs of a Cloister that outlives its process do")
	}
}

// start runs serve and waits until it says where everything is.
func (d *daemon) start() error {
	log, err := os.OpenFile(filepath.Join(d.data, "serve.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	out, err := os.Create(filepath.Join(d.data, "serve.out"))
	if err != nil {
		return err
	}
	defer out.Close()
	cmd := d.command(append([]string{"serve", "--listen", d.listen, "--tunnel-port", strconv.Itoa(d.tunnels)}, d.flags...)...)
	cmd.Stdout, cmd.Stderr = out, log
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		cmd.Wait() //nolint:errcheck // how it ended is asked of its state
		close(ended)
	}()
	d.process, d.ended = cmd, ended
	for {
		select {
		case <-ended:
			return fmt.Errorf("serve: %v\n%s", cmd.ProcessState, d.lastWords())
		case <-time.After(20 * time.Millisecond):
		}
		if said, err := os.ReadFile(out.Name()); err == nil && bytes.Contains(said, []byte("next")) {
			return nil
		}
	}
}

// command is a command of this Cloister, run as its user.
func (d *daemon) command(args ...string) *exec.Cmd {
	cmd := exec.Command(d.binary, append([]string{"--data", d.data}, args...)...)
	cmd.Env = d.env
	if d.as != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: d.as}
		cmd.Dir = d.data
	}
	return cmd
}

// lastWords is the end of the server's log.
func (d *daemon) lastWords() string {
	b, _ := os.ReadFile(filepath.Join(d.data, "serve.log"))
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-12):], "\n")
}

// crash kills the server as the kernel would when memory is short.
func (d *daemon) crash(t *testing.T) {
	t.Helper()
	if err := d.process.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-d.ended
}

// restart runs serve again.
func (d *daemon) restart(t *testing.T) {
	t.Helper()
	if err := d.start(); err != nil {
		t.Fatal(err)
	}
}

// stop asks the server to end, and gives how it did.
func (d *daemon) stop() error {
	select {
	case <-d.ended:
		return nil
	default:
	}
	if err := d.process.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-d.ended:
	case <-time.After(30 * time.Second):
		d.process.Process.Signal(syscall.SIGQUIT) //nolint:errcheck // its goroutines tell where it is stuck
		<-d.ended
		said, _ := os.ReadFile(filepath.Join(d.data, "serve.log"))
		return fmt.Errorf("serve did not end within 30 seconds of SIGTERM:\n%s", said[max(0, len(said)-64<<10):])
	}
	if code := d.process.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("serve ended with %v\n%s", d.process.ProcessState, d.lastWords())
	}
	return nil
}

// instance is what serve leaves for the other commands.
type instance struct {
	Run string `json:"run"`
	CA  string `json:"ca"`
}

func (d *daemon) instance() (i instance, err error) {
	b, err := os.ReadFile(filepath.Join(d.data, "instance.json"))
	if err != nil {
		return i, err
	}
	return i, json.Unmarshal(b, &i)
}

// remove stops the server, purges, and tells what is left although nothing should be.
func (d *daemon) remove() error {
	failed := d.stop()
	i, err := d.instance()
	if err != nil {
		return errors.Join(failed, err)
	}
	if out, err := d.command("purge").CombinedOutput(); err != nil {
		failed = errors.Join(failed, fmt.Errorf("purge: %w\n%s", err, out))
	}
	if left := leftovers(d.data, i.Run); len(left) > 0 {
		failed = errors.Join(failed, fmt.Errorf("left behind by purge:\n%s", strings.Join(left, "\n")))
	}
	return errors.Join(failed, os.RemoveAll(d.data))
}
