package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"cloister/internal/engine/sigv4"
)

// loadJob is what the half of the load inside the VPC is told.
type loadJob struct {
	Region, Work, Host, Container string
	Connections, Threads          int
	Rounds, Seconds               int
	Cloister, Nginx               []int // processes
}

func (j loadJob) with(connections, threads, rounds, seconds int) loadJob {
	j.Connections, j.Threads, j.Rounds, j.Seconds = connections, threads, rounds, seconds
	return j
}

// sample is one run of wrk.
type sample struct {
	Requests, Seconds float64
	P50, P99          time.Duration
	Processor         time.Duration // of the server between
}

func (s sample) rate() float64 { return s.Requests / s.Seconds }

type loadResult struct {
	Connections             int
	Cloister, Nginx, Direct []sample
}

// ratio is the median over rounds, each comparing neighbours in time.
func (l *loadResult) ratio() float64 {
	var all []float64
	for i := range l.Cloister {
		all = append(all, l.Cloister[i].rate()/l.Nginx[i].rate())
	}
	return median(all)
}

func (l *loadResult) middle(s []sample) time.Duration {
	var all []time.Duration
	for _, x := range s {
		all = append(all, x.P50)
	}
	return median(all)
}

func (l *loadResult) cost(s []sample) time.Duration {
	var all []time.Duration
	for _, x := range s {
		all = append(all, time.Duration(float64(x.Processor)/x.Requests))
	}
	return median(all)
}

func rate(s []sample) string {
	var all []float64
	for _, x := range s {
		all = append(all, x.rate())
	}
	return fmt.Sprintf("%.0f/s", median(all))
}

// load is the half inside: one interface, one signed request, three targets in turn.
func load(ctx context.Context, args []string) error {
	var j loadJob
	if err := json.Unmarshal([]byte(args[0]), &j); err != nil {
		return err
	}
	script, err := j.script()
	if err != nil {
		return err
	}
	out := loadResult{Connections: j.Connections}
	targets := []struct {
		url  string
		pids []int
		into *[]sample
	}{
		{"https://" + j.Host + "/endpoints/digits/invocations", j.Cloister, &out.Cloister},
		{"https://" + j.Container + ":8443/endpoints/digits/invocations", j.Nginx, &out.Nginx},
		{"http://" + j.Container + ":8080/invocations", nil, &out.Direct},
	}
	for round := range j.Rounds + 1 {
		for _, t := range targets {
			seconds := j.Seconds
			if round == 0 {
				seconds = 1 // warms everybody up
			}
			s, err := j.wrk(ctx, script, t.url, seconds, t.pids)
			if err != nil {
				return fmt.Errorf("%s: %w", t.url, err)
			}
			if round > 0 {
				*t.into = append(*t.into, s)
			}
		}
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}

// body is four rows of 64 numbers, 1 KB.
func body() []byte {
	row := strings.Repeat("0.5,", 63) + "1.5\n"
	return []byte(strings.Repeat(row, 4))
}

// script is wrk's form of the request. The signature is good for 15 minutes; nginx and the container
// do not look at it, but carry as many bytes.
func (j loadJob) script() (string, error) {
	k, err := keyOf(os.Getenv("AWS_SHARED_CREDENTIALS_FILE"), os.Getenv("AWS_PROFILE"))
	if err != nil {
		return "", err
	}
	r, err := http.NewRequest(http.MethodPost, "https://"+j.Host+"/endpoints/digits/invocations", bytes.NewReader(body()))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "text/csv")
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "aws-cli/2.9.19 Python/3.11.2 Linux/6.1 source/x86_64.debian.12 prompt/off command/sagemaker-runtime.invoke-endpoint")
	sigv4.Sign(r, sigv4.Hash(body()), k, sigv4.Scope{Region: j.Region, Service: "sagemaker"}, time.Now())
	var lua strings.Builder
	fmt.Fprintf(&lua, "wrk.method = \"POST\"\nwrk.body = %q\n", body())
	fmt.Fprintf(&lua, "wrk.headers[\"Host\"] = %q\n", j.Host)
	for name := range r.Header {
		fmt.Fprintf(&lua, "wrk.headers[%q] = %q\n", name, r.Header.Get(name))
	}
	lua.WriteString(report)
	path := filepath.Join(j.Work, "request.lua")
	return path, os.WriteFile(path, []byte(lua.String()), 0o600)
}

// report has wrk print what we read, in microseconds.
const report = `
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('\nRESULT {"requests":%d,"duration":%d,"p50":%d,"p99":%d,"bad":%d}\n', summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), e.connect + e.read + e.write + e.status + e.timeout))
end
`

func (j loadJob) wrk(ctx context.Context, script, url string, seconds int, pids []int) (s sample, err error) {
	before := processor(pids)
	out, err := exec.CommandContext(ctx, "wrk", "-t", fmt.Sprint(j.Threads), "-c", fmt.Sprint(j.Connections), "-d", fmt.Sprint(seconds),
		"-s", script, url).CombinedOutput()
	if err != nil {
		return s, fmt.Errorf("%w: %s", err, out)
	}
	s.Processor = processor(pids) - before
	_, line, found := strings.Cut(string(out), "RESULT ")
	var got struct{ Requests, Duration, P50, P99, Bad int64 }
	if !found || json.Unmarshal([]byte(strings.SplitN(line, "\n", 2)[0]), &got) != nil {
		return s, fmt.Errorf("wrk said %s", out)
	}
	if got.Bad > 0 || got.Requests == 0 {
		return s, fmt.Errorf("%d of %d requests went wrong", got.Bad, got.Requests)
	}
	s.Requests, s.Seconds = float64(got.Requests), float64(got.Duration)/1e6
	s.P50, s.P99 = time.Duration(got.P50)*time.Microsecond, time.Duration(got.P99)*time.Microsecond
	return s, nil
}
