package main

import (
	"encoding/json"
	"io"
	"net"
	"time"
)

// meet has every host of the job call every other by name. It ends when all have been called.
func (r *record) meet() error {
	var cluster struct {
		Hosts []string `json:"hosts"`
	}
	for _, at := range []string{"config", "input/config"} {
		json.Unmarshal([]byte(r.Files[root+at+"/resourceconfig.json"].Text), &cluster) //nolint:errcheck // one of both is there
	}
	l, err := net.Listen("tcp", r.Host+":7077")
	if err != nil {
		return err
	}
	defer l.Close()
	called := make(chan error, len(cluster.Hosts))
	go func() {
		for range cluster.Hosts {
			c, err := l.Accept()
			if err == nil {
				_, err = io.WriteString(c, r.Host)
				c.Close()
			}
			called <- err
		}
	}()
	r.Peers = map[string]string{}
	for _, h := range cluster.Hosts {
		name, at, err := call(h)
		if err != nil {
			return err
		}
		r.Peers[name] = at
	}
	for range cluster.Hosts {
		if err := <-called; err != nil {
			return err
		}
	}
	return nil
}

// call asks a host for its name, until it listens, and tells where that was.
func call(host string) (name, at string, err error) {
	for tries := 0; ; tries++ {
		c, err := net.DialTimeout("tcp", host+":7077", 5*time.Second)
		if err == nil {
			defer c.Close()
			b, err := io.ReadAll(c)
			at, _, _ := net.SplitHostPort(c.RemoteAddr().String())
			return string(b), at, err
		}
		if tries == 100 {
			return "", "", err
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// dial says what comes of a call.
func dial(at string) string {
	c, err := net.DialTimeout("tcp", at, 2*time.Second)
	if err != nil {
		return err.Error()
	}
	c.Close()
	return "reached"
}
