package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// daemon is a Cloister of our own, with a data directory of its own.
type daemon struct {
	binary, data, listen string
	flags                []string // further ones for serve
	cmd                  *exec.Cmd
}

func (d *daemon) command(args ...string) []string {
	return append([]string{d.binary, "--data", d.data}, args...)
}

// start gives the time from exec to the first answer over TLS.
func (d *daemon) start(ctx context.Context) (time.Duration, error) {
	log, err := os.OpenFile(d.data+".log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	defer log.Close()
	args := append(d.command("serve", "--listen", d.listen), d.flags...)
	d.cmd = exec.Command(args[0], args[1:]...)
	d.cmd.Stdout, d.cmd.Stderr = log, log
	return ready(ctx, d.cmd, d.listen)
}

// ready starts a server and waits for its first answer.
func ready(ctx context.Context, cmd *exec.Cmd, address string) (time.Duration, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a Ctrl-C is for us to hand on
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // only whether it answers
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport, Timeout: 10 * time.Second}
	for time.Since(began) < 20*time.Second && ctx.Err() == nil {
		c, err := net.Dial("tcp", address)
		if err != nil {
			time.Sleep(500 * time.Microsecond)
			continue
		}
		c.Close()
		answer, err := client.Get("https://" + address + "/")
		if err != nil {
			return 0, err
		}
		took := time.Since(began)
		answer.Body.Close()
		return took, nil
	}
	return 0, fmt.Errorf("%s does not answer", cmd.Path)
}

func stop(cmd *exec.Cmd) {
	if cmd == nil || cmd.Process == nil {
		return
	}
	cmd.Process.Signal(syscall.SIGTERM) //nolint:errcheck // it may have ended
	defer time.AfterFunc(15*time.Second, func() { cmd.Process.Kill() }).Stop()
	cmd.Wait() //nolint:errcheck // nor does it matter how it ended
}

func (d *daemon) stop() { stop(d.cmd); d.cmd = nil }

// purge stops the server and removes what it made in the kernel.
func (d *daemon) purge() {
	d.stop()
	args := d.command("purge")
	exec.Command(args[0], args[1:]...).Run() //nolint:errcheck // it may never have run
}

func (d *daemon) lastWords() string {
	b, err := os.ReadFile(d.data + ".log")
	if err != nil {
		return ""
	}
	return string(b[max(0, len(b)-2000):])
}

// instance is what the server leaves for its commands.
type instance struct{ Door, CA, Run, Region, Account string }

func (d *daemon) instance() (i instance, err error) {
	b, err := os.ReadFile(filepath.Join(d.data, "instance.json"))
	if err != nil {
		return i, err
	}
	return i, json.Unmarshal(b, &i)
}

// resident is the memory of a process that is in RAM, in MB.
func resident(pid int) (float64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(b), "VmRSS:")
	kb, err := strconv.Atoi(strings.Fields(rest + " x")[0])
	return float64(kb) / 1024, err
}

// processor is the time that processes have spent on cores.
func processor(pids []int) (t time.Duration) {
	for _, pid := range pids {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(b), ") ")
		f := strings.Fields(rest)
		for _, ticks := range f[11:13] { // utime, stime
			n, _ := strconv.Atoi(ticks)
			t += time.Duration(n) * 10 * time.Millisecond
		}
	}
	return t
}
