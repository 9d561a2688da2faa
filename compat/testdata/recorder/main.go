// Command recorder is the program of a processing image: it writes down what it was given, as one file of JSON for each
// host in /opt/ml/processing/output, and meets its peers.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	root   = "/opt/ml/"
	output = root + "processing/output/"
)

// record is what a host was given.
type record struct {
	Args, Env []string
	User      int
	Config    map[string]json.RawMessage
	Inputs    map[string]string
	Stream    string
	Peers     []string // that answered
	Outside   string   // what came of a call that leaves the VPC's subnet
}

func main() {
	order := map[string]string{}
	for _, a := range os.Args[1:] {
		k, v, _ := strings.Cut(a, "=")
		order[k] = v
	}
	if err := work(order); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	if order["wait"] != "" {
		told := make(chan os.Signal, 1)
		signal.Notify(told, syscall.SIGTERM)
		<-told
		os.WriteFile(output+"told", []byte("terminated"), 0o644)
	}
}

func work(order map[string]string) error {
	r := record{Args: os.Args, Env: os.Environ(), User: os.Getuid(), Config: map[string]json.RawMessage{}, Inputs: map[string]string{}}
	slices.Sort(r.Env)
	for _, name := range []string{"processingjobconfig.json", "resourceconfig.json"} {
		b, err := os.ReadFile(root + "config/" + name)
		if err != nil {
			return err
		}
		r.Config[name] = b
	}
	var cluster struct {
		Current string   `json:"current_host"`
		Hosts   []string `json:"hosts"`
	}
	if err := json.Unmarshal(r.Config["resourceconfig.json"], &cluster); err != nil {
		return err
	}
	err := filepath.WalkDir(root+"processing", func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			var b []byte
			b, err = os.ReadFile(name)
			r.Inputs[strings.TrimPrefix(name, root+"processing/")] = string(b)
		}
		return err
	})
	if err != nil {
		return err
	}
	if order["stream"] != "" {
		b, err := os.ReadFile(order["stream"])
		if err != nil {
			return err
		}
		r.Stream = string(b)
	}
	if r.Peers, err = meet(cluster.Current, cluster.Hosts); err != nil {
		return err
	}
	r.Outside = "reached"
	if c, err := net.DialTimeout("tcp", order["outside"], 2*time.Second); err != nil {
		r.Outside = err.Error()
	} else {
		c.Close()
	}
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	fmt.Println("recorded", cluster.Current)
	return os.WriteFile(output+cluster.Current+".json", b, 0o644)
}

// meet has every host call every other by name. It ends when all have been called.
func meet(own string, hosts []string) (answered []string, err error) {
	l, err := net.Listen("tcp", own+":7077")
	if err != nil {
		return nil, err
	}
	defer l.Close()
	called := make(chan error, len(hosts))
	go func() {
		for range hosts {
			c, err := l.Accept()
			if err == nil {
				_, err = io.WriteString(c, own)
				c.Close()
			}
			called <- err
		}
	}()
	for _, h := range hosts {
		name, err := call(h)
		if err != nil {
			return nil, err
		}
		answered = append(answered, name)
	}
	for range hosts {
		if err := <-called; err != nil {
			return nil, err
		}
	}
	return answered, nil
}

// call asks a host for its name, until it listens.
func call(host string) (string, error) {
	for tries := 0; ; tries++ {
		c, err := net.DialTimeout("tcp", host+":7077", 5*time.Second)
		if err == nil {
			defer c.Close()
			b, err := io.ReadAll(c)
			return string(b), err
		}
		if tries == 100 {
			return "", err
		}
		time.Sleep(100 * time.Millisecond)
	}
}
