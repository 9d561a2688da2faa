package main

import (
	"bufio"
	"encoding/json"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// record is what a container was given, and what came of what it tried.
type record struct {
	Host                string // of the job's, as its configuration says; the host name otherwise
	Args, Env           []string
	Directory, Hostname string
	User, Group, PID    int
	// Files are those below /opt/ml, with pipes and directories, before anything was done.
	Files map[string]entry
	// Mounts are what is mounted, by place: its type and its options.
	Mounts map[string]string
	// Links are the network's interfaces but loopback, with their addresses.
	Links map[string][]string
	// Etc are the files of names that the platform writes.
	Etc map[string]string
	// Limits are those of the control groups and of open files; Rights are lines of /proc/self/status.
	Limits, Rights map[string]string
	// Written says of places what came of writing there: nothing, or why not.
	Written map[string]string
	// Lent is the role whose credentials there are, and how the question was answered.
	Lent string
	// Streams are what came out of pipes, pass by pass.
	Streams map[string][]string
	// Peers are the addresses of the job's hosts that answered with their names; Outside what came of a call elsewhere.
	Peers   map[string]string
	Outside string
	Signals []heard
	// Later are the files of the directory that is watched, when the signal came.
	Later []string
	// Asked is the request that this answers; Before are the earlier ones.
	Asked  *asked   `json:",omitempty"`
	Before []string `json:",omitempty"`
}

// entry is a file, with its beginning.
type entry struct {
	Mode string
	User uint32
	Size int64
	Text string
}

type heard struct {
	Signal string
	At     time.Time
}

// longest is how much of a file or stream is kept.
const longest = 16384

func observe() *record {
	r := &record{Args: os.Args, Env: os.Environ(), User: os.Getuid(), Group: os.Getgid(), PID: os.Getpid(), Files: map[string]entry{}, Etc: map[string]string{}, Streams: map[string][]string{}}
	slices.Sort(r.Env)
	r.Directory, _ = os.Getwd()
	r.Hostname, _ = os.Hostname()
	r.look(root)
	r.Host = r.Hostname
	for _, at := range []string{"config", "input/config"} {
		var cluster struct {
			Current string `json:"current_host"`
		}
		if json.Unmarshal([]byte(r.Files[root+at+"/resourceconfig.json"].Text), &cluster) == nil && cluster.Current != "" {
			r.Host = cluster.Current
		}
	}
	for _, name := range []string{"hosts", "resolv.conf", "hostname"} {
		b, _ := os.ReadFile("/etc/" + name)
		r.Etc[name] = string(b)
	}
	r.Mounts, r.Links, r.Limits, r.Rights = mounts(), links(), limits(), rights()
	r.Written = map[string]string{}
	for _, at := range []string{"/", "/etc", "/tmp", "/dev/shm", "/opt/ml", "/opt/ml/model", "/opt/ml/input/data/fast", "/opt/ml/checkpoints"} {
		r.Written[at] = try(at)
	}
	r.Lent = lent()
	return r
}

// look writes down what is below a directory.
func (r *record) look(at string) {
	filepath.WalkDir(at, func(name string, d fs.DirEntry, err error) error { //nolint:errcheck // what cannot be read is missing
		if err != nil {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return nil
		}
		e := entry{Mode: info.Mode().String(), Size: info.Size()}
		if s, ok := info.Sys().(*syscall.Stat_t); ok {
			e.User = s.Uid
		}
		if d.Type().IsRegular() {
			e.Text = beginning(name)
		}
		r.Files[name] = e
		return nil
	})
}

// beginning is that of a file, or why it cannot be read.
func beginning(name string) string {
	f, err := os.Open(name)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, longest))
	if err != nil {
		return err.Error()
	}
	return text(b)
}

// mounts reads what is mounted where.
func mounts() map[string]string {
	out := map[string]string{}
	b, _ := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(b)) {
		own, super, _ := strings.Cut(line, " - ")
		f, s := strings.Fields(own), strings.Fields(super)
		if len(f) > 5 && len(s) > 2 {
			out[f[4]] = s[0] + " " + f[5]
		}
	}
	return out
}

func links() map[string][]string {
	out := map[string][]string{}
	all, _ := net.Interfaces()
	for _, l := range all {
		if l.Flags&net.FlagLoopback != 0 {
			continue
		}
		out[l.Name] = []string{}
		addresses, _ := l.Addrs()
		for _, a := range addresses {
			if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil {
				out[l.Name] = append(out[l.Name], a.String())
			}
		}
	}
	return out
}

// limits reads those that a runtime of a language would.
func limits() map[string]string {
	out := map[string]string{}
	for name, files := range map[string][]string{
		"memory":    {"memory/memory.limit_in_bytes", "memory.max"},
		"cpu":       {"cpu/cpu.cfs_quota_us", "cpu,cpuacct/cpu.cfs_quota_us", "cpu.max"},
		"processes": {"pids/pids.max", "pids.max"},
	} {
		for _, f := range files {
			if b, err := os.ReadFile("/sys/fs/cgroup/" + f); err == nil {
				out[name] = strings.Fields(string(b) + " ")[0]
				break
			}
		}
	}
	return out
}

func rights() map[string]string {
	out := map[string]string{}
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return out
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if k, v, ok := strings.Cut(s.Text(), ":"); ok && slices.Contains([]string{"CapEff", "CapBnd", "NoNewPrivs", "Seccomp"}, k) {
			out[k] = strings.TrimSpace(v)
		}
	}
	return out
}

// try writes a file in a directory and removes it.
func try(at string) string {
	f, err := os.CreateTemp(at, "try-")
	if err != nil {
		if e, ok := err.(*fs.PathError); ok {
			return e.Err.Error()
		}
		return err.Error()
	}
	f.Close()
	os.Remove(f.Name())
	return ""
}

// lent asks for the role's credentials as SDKs do.
func lent() string {
	path := os.Getenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
	if path == "" {
		return "nowhere to ask"
	}
	client := &http.Client{Timeout: 5 * time.Second}
	resp, err := client.Get("http://169.254.170.2" + path)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	var got struct{ RoleArn, AccessKeyId, SecretAccessKey, Token, Expiration string }
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil || got.AccessKeyId == "" || got.SecretAccessKey == "" || got.Token == "" || got.Expiration == "" {
		return resp.Status + ", not whole"
	}
	return resp.Status + " " + got.RoleArn
}
