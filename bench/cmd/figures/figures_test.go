package main

import (
	"bytes"
	"crypto/tls"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		in   []float64
		want float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{9, 1, 5}, 5}, {[]float64{4, 1, 2, 9}, 3}} {
		if got := median(c.in); got != c.want {
			t.Errorf("median(%v) = %v, want %v", c.in, got, c.want)
		}
	}
}

// The ratio compares neighbours: one bad round of both must not move it.
func TestRatioComparesNeighbours(t *testing.T) {
	at := func(rates ...float64) (out []sample) {
		for _, r := range rates {
			out = append(out, sample{Requests: r, Seconds: 1})
		}
		return out
	}
	l := loadResult{Cloister: at(60, 6, 66), Nginx: at(100, 10, 110)}
	if got := l.ratio(); got < 0.599 || got > 0.601 {
		t.Errorf("ratio %v, want 0.6", got)
	}
}

func TestTableTellsWhatWasMissed(t *testing.T) {
	var all table
	all.add("a", "1 ms", "< 2 ms", "", "", new(true))
	all.add("b µ", "3 ms", "< 2 ms", "", "", new(false))
	all.add("c", "4 ms", "", "", "", nil)
	var b bytes.Buffer
	all.print(&b)
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")[2:]
	if len(lines) != 5 || !strings.Contains(lines[2], "| met ") || !strings.Contains(lines[3], "| missed |") || strings.Contains(lines[4], "met") {
		t.Errorf("table\n%s", b.String())
	}
	for _, l := range lines {
		if len([]rune(l)) != len([]rune(lines[0])) {
			t.Errorf("line %q is not as wide as the head", l)
		}
	}
}

func TestBodyIsOneKilobyteOfFourRows(t *testing.T) {
	if b := body(); len(b) != 1024 || bytes.Count(b, []byte{'\n'}) != 4 || bytes.Count(b, []byte{','}) != 4*63 {
		t.Errorf("%d bytes", len(b))
	}
}

func TestKeyOfReadsOneProfile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(path, []byte("[default]\naws_access_key_id = A\naws_secret_access_key = a=b\n[alice]\naws_access_key_id = B\naws_secret_access_key = c\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for profile, want := range map[string][2]string{"default": {"A", "a=b"}, "alice": {"B", "c"}, "nobody": {}} {
		if k, err := keyOf(path, profile); err != nil || k.AccessKey != want[0] || k.Secret != want[1] {
			t.Errorf("%s: %s, %v", profile, k, err)
		}
	}
}

func TestCertificateIsMadeOnce(t *testing.T) {
	dir := t.TempDir()
	if err := makeCertificate(dir); err != nil {
		t.Fatal(err)
	}
	certificate, key := certificateFiles(dir)
	if _, err := tls.LoadX509KeyPair(certificate, key); err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(key)
	if err := makeCertificate(dir); err != nil {
		t.Fatal(err)
	}
	if after, _ := os.ReadFile(key); !bytes.Equal(before, after) {
		t.Error("the key changed")
	}
}

func TestBeganReadsTheProbesFirstLine(t *testing.T) {
	at, err := began("Docker entrypoint called with argument(s): train\n[01/02/2026 03:04:05 INFO 1] began at 2026-01-02T03:04:05.123456789Z\nx: reached")
	if err != nil || !at.Equal(time.Date(2026, 1, 2, 3, 4, 5, 123456789, time.UTC)) {
		t.Errorf("%v, %v", at, err)
	}
	if _, err := began("nothing"); err == nil {
		t.Error("no line, no error")
	}
}

func TestNetworkFiguresAreRead(t *testing.T) {
	got := map[string]networkFigures{}
	parseNetwork("goos: linux\nBenchmarkPath-2   \t       1\t14009767093 ns/op\t        16.97 bare-Gb/s\t         1.141 ten-ratio\t         1.7e-03 x-us\n"+
		"BenchmarkAttach/beside=100-2 \t 30\t   3776230 ns/op\nPASS\n", got)
	path, attach := got["Path"], got["Attach/beside=100"]
	if path.metrics["bare-Gb/s"] != 16.97 || path.metrics["ten-ratio"] != 1.141 || path.metrics["x-us"] != 0.0017 || attach.took != 3776230 {
		t.Errorf("read as %+v", got)
	}
}
