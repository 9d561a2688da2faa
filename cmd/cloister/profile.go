package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
)

// profiling serves runtime profiles on a loopback address, for whoever looks into a running server's
// speed. It shows memory contents, so it is off unless asked for.
type profiling struct {
	Profile string `help:"Serve runtime profiles on this loopback address." hidden:""`
}

func (p profiling) start() error {
	if p.Profile == "" {
		return nil
	}
	host, _, err := net.SplitHostPort(p.Profile)
	if err != nil {
		return fmt.Errorf("--profile: %w", err)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("--profile: %s is not a loopback address", host)
	}
	l, err := net.Listen("tcp", p.Profile)
	if err != nil {
		return fmt.Errorf("--profile: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	go http.Serve(l, mux) //nolint:errcheck,gosec // it ends with the process
	return nil
}
