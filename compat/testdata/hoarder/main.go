// Command hoarder is the program of a training image that leaves something wherever it can for whoever runs there next,
// and tells, as /opt/ml/model/report.json, what somebody has left for it.
package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// report is what it found.
type report struct {
	Files     []string // called as it calls its own, anywhere, and all below /opt/ml
	Processes []string // besides itself
	Sockets   []string // that answer
	Path      string   // where its own credentials are
	Status    int      // of the answer to who asks where another's are
	Address   string
}

const (
	port     = "127.0.0.1:7099"
	abstract = "@hoard"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "linger" {
		linger()
		return
	}
	r := report{Files: files(), Processes: processes(), Sockets: sockets(), Path: os.Getenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")}
	r.Address, _, _ = strings.Cut(outward(), ":")
	if former := parameter("former"); former != "" {
		client := http.Client{Timeout: 3 * time.Second}
		if a, err := client.Get("http://169.254.170.2" + former); err == nil {
			r.Status = a.StatusCode
			a.Body.Close()
		}
	}
	b, err := json.Marshal(r)
	if err == nil {
		err = os.WriteFile("/opt/ml/model/report.json", b, 0o644)
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	leave()
}

func parameter(name string) string {
	var all map[string]string
	b, _ := os.ReadFile("/opt/ml/input/config/hyperparameters.json")
	json.Unmarshal(b, &all)
	return all[name]
}

func files() (found []string) {
	filepath.WalkDir("/", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
		case name == "/proc" || name == "/sys":
			return fs.SkipDir
		case strings.Contains(name, ".hoard"), strings.HasPrefix(name, "/opt/ml/") && !d.IsDir():
			found = append(found, name)
		}
		return nil
	})
	return found
}

func processes() (found []string) {
	all, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, name := range all {
		b, _ := os.ReadFile(name)
		if text := strings.ReplaceAll(string(b), "\x00", " "); strings.Contains(text, "linger") {
			found = append(found, text)
		}
	}
	return found
}

func sockets() (found []string) {
	for network, at := range map[string]string{"tcp": port, "unix": abstract} {
		if c, err := net.DialTimeout(network, at, time.Second); err == nil {
			found = append(found, at)
			c.Close()
		}
	}
	return found
}

// outward is the address that its packets have; nothing is sent.
func outward() string {
	c, err := net.Dial("udp", "10.0.0.2:53")
	if err != nil {
		return err.Error()
	}
	defer c.Close()
	return c.LocalAddr().String()
}

// leave does its worst.
func leave() {
	for _, dir := range []string{"/", "/tmp", "/var/tmp", "/dev/shm", "/run", "/etc", "/opt/ml", "/opt/ml/input/config", "/opt/ml/input/data", "/opt/ml/model",
		"/opt/ml/output/data", "/opt/ml/checkpoints", "/opt/ml/sagemaker/warmpoolcache"} {
		os.MkdirAll(dir, 0o777)
		os.WriteFile(filepath.Join(dir, ".hoard"), []byte("mine"), 0o600)
		os.MkdirAll(filepath.Join(dir, ".hoards/deep"), 0o700)
		os.WriteFile(filepath.Join(dir, ".hoards/deep/.hoard"), []byte("mine"), 0o000)
		os.Chmod(filepath.Join(dir, ".hoards"), 0o000)
	}
	c := exec.Command("/proc/self/exe", "linger")
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := c.Start(); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for range 100 {
		if len(sockets()) == 2 {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	fmt.Println("nobody lingers")
	os.Exit(1)
}

// linger answers, until it is killed.
func linger() {
	for network, at := range map[string]string{"tcp": port, "unix": abstract} {
		l, err := net.Listen(network, at)
		if err != nil {
			return
		}
		go http.Serve(l, nil) //nolint:errcheck // it ends with the process
	}
	for {
		os.WriteFile("/opt/ml/.hoard-of-who-lingers", nil, 0o644)
		time.Sleep(5 * time.Millisecond)
	}
}
