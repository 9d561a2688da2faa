package runc

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"
)

// written gives the lines that come back of what a container wrote.
func written(t rapid.TB, dir string, r io.Reader, limit int64) []string {
	file, err := os.CreateTemp(dir, "log-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(file.Name())
	defer file.Close()
	w := &lineWriter{file: file, limit: limit, now: time.Now}
	if err := w.copy(r); err != nil {
		t.Fatal(err)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	var all []string
	lines := newLineReader(file)
	for {
		line, ok, err := lines.read(0)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return all
		}
		all = append(all, line.Text)
	}
}

func TestLinesComeBack(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOf(rapid.StringMatching(`[^\n]{0,40}`)).Draw(t, "lines")
		text := strings.Join(want, "\n")
		if len(want) > 0 {
			text += "\n"
		}
		got := written(t, dir, iotest.OneByteReader(strings.NewReader(text)), 1<<20)
		if strings.Join(got, "\n") != strings.Join(want, "\n") || len(got) != len(want) {
			t.Fatalf("got %q, want %q", got, want)
		}
	})
}

func TestLogIsBounded(t *testing.T) {
	text := strings.Repeat("0123456789\n", 1000)
	got := written(t, t.TempDir(), strings.NewReader(text), 2200)
	if len(got) != 101 || got[99] != "0123456789" || !strings.Contains(got[100], "limit of 2200 bytes") {
		t.Errorf("%d lines, the last is %q", len(got), got[len(got)-1])
	}
}

func TestCutsBetweenRunes(t *testing.T) {
	for text, want := range map[string]int{"": 0, "abc": 3, "ab€": 5, "ab\xe2": 2, "ab\xe2\x82": 2, "a\x82\x82\x82\x82": 5, "\xf0\x9f\x92": 0} {
		if got := wholeRunes([]byte(text)); got != want {
			t.Errorf("%q is cut at %d, want %d", text, got, want)
		}
	}
}

// TestTornFrame reads a log whose last frame is written in two halves.
func TestTornFrame(t *testing.T) {
	name := filepath.Join(t.TempDir(), "log")
	whole, _ := os.Create(name + ".whole")
	w := &lineWriter{file: whole, limit: 1 << 20, now: time.Now}
	w.copy(strings.NewReader("first\nsecond\n"))
	data, err := os.ReadFile(name + ".whole")
	if err != nil {
		t.Fatal(err)
	}
	for cut := range len(data) {
		file, _ := os.Create(name)
		file.Write(data[:cut])
		reading, _ := os.Open(name)
		lines := newLineReader(reading)
		var got []string
		take := func() {
			for {
				line, ok, err := lines.read(0)
				if err != nil {
					t.Fatal(err)
				}
				if !ok {
					return
				}
				got = append(got, line.Text)
			}
		}
		take()
		file.Write(data[cut:])
		take()
		if strings.Join(got, " ") != "first second" {
			t.Errorf("cut at %d: %q", cut, got)
		}
		file.Close()
		reading.Close()
	}
}

func TestDamagedLog(t *testing.T) {
	name := filepath.Join(t.TempDir(), "log")
	os.WriteFile(name, []byte(strings.Repeat("\xff", 64)), 0o600)
	file, _ := os.Open(name)
	defer file.Close()
	if _, ok, err := newLineReader(file).read(0); ok || err == nil {
		t.Error("nonsense was read as a line")
	}
}
