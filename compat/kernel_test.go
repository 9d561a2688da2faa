package compat

import (
	"bytes"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// leftovers lists what of a Cloister is still in the kernel: its directory of namespaces, mounts,
// cgroups and processes.
func leftovers(data, run string) []string {
	var left []string
	filepath.WalkDir(run, func(path string, _ fs.DirEntry, err error) error { //nolint:errcheck // gone is what it shall be
		if err == nil {
			left = append(left, "file "+path)
		}
		return nil
	})
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return append(left, err.Error())
	}
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, run+"/") || strings.Contains(line, data+"/") {
			left = append(left, "mount "+strings.TrimSpace(line))
		}
	}
	name := "cloister-" + filepath.Base(run)
	filepath.WalkDir("/sys/fs/cgroup", func(path string, e fs.DirEntry, err error) error { //nolint:errcheck // groups come and go
		if err == nil && e.IsDir() && e.Name() == name {
			left = append(left, "cgroup "+path)
		}
		return nil
	})
	for pid, line := range processes() {
		if strings.Contains(line, data) {
			left = append(left, fmt.Sprintf("process %s %s", pid, line))
		}
	}
	return left
}

// processes gives the command line and the cgroups of every process.
func processes() map[string]string {
	all := map[string]string{}
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		line, err := os.ReadFile(dir + "/cmdline")
		if err != nil || len(line) == 0 {
			continue
		}
		groups, _ := os.ReadFile(dir + "/cgroup")
		all[filepath.Base(dir)] = string(bytes.ReplaceAll(line, []byte{0}, []byte(" "))) + " " + strings.Join(strings.Fields(string(groups)), " ")
	}
	return all
}

// containers gives the processes of a Cloister's containers whose command line holds text.
func (d *daemon) containers(text string) (pids []string) {
	i, err := d.instance()
	if err != nil {
		return nil
	}
	for pid, line := range processes() {
		if strings.Contains(line, "cloister-"+filepath.Base(i.Run)) && strings.Contains(line, text) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// hostLinks are the host's own interfaces. No Cloister may add to them.
func hostLinks() (names []string) {
	links, _ := net.Interfaces()
	for _, l := range links {
		names = append(names, l.Name)
	}
	return names
}
