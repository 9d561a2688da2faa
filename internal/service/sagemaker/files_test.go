package sagemaker

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"
)

func TestPackTakesOnlyWhatIsThere(t *testing.T) {
	base, out := t.TempDir(), filepath.Join(t.TempDir(), "out.tar.gz")
	secret := filepath.Join(t.TempDir(), "secret")
	write := func(name, text string) {
		t.Helper()
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o640)); err != nil {
			t.Fatal(err)
		}
	}
	write(secret, "secret")
	write(base+"/model/a/b.bin", "B")
	if err := errors.Join(os.Symlink(secret, base+"/model/link"), os.Symlink(filepath.Dir(secret), base+"/output"), syscall.Mkfifo(base+"/model/fifo", 0o600)); err != nil {
		t.Fatal(err)
	}
	n, err := packTo(t.Context(), out, []string{base}, "model", 1<<20)
	if err != nil || n != 2 {
		t.Fatalf("%d files, %v", n, err)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if got := untar(t, b); len(got) != 3 || got["a/b.bin"] != "B" || got["link"] != "" {
		t.Errorf("packed %q", got)
	}
	for _, dir := range []string{"output", "none"} { // a link in the directory's place, and nothing
		if n, err := packTo(t.Context(), out, []string{base}, dir, 1<<20); n != 0 || err != nil {
			t.Errorf("%s: %d files, %v", dir, n, err)
		}
	}
}

func TestUnpackStaysInside(t *testing.T) {
	for name, members := range map[string][]tar.Header{
		"up":                {{Name: "../x", Typeflag: tar.TypeReg}},
		"absolute":          {{Name: "/etc/x", Typeflag: tar.TypeReg}},
		"symbolic link":     {{Name: "l", Typeflag: tar.TypeSymlink, Linkname: "x"}},
		"hard link":         {{Name: "l", Typeflag: tar.TypeLink, Linkname: "x"}},
		"device":            {{Name: "d", Typeflag: tar.TypeChar}},
		"large":             {{Name: "x", Typeflag: tar.TypeReg, Uname: strings.Repeat("x", 200)}},
		"deep":              {{Name: strings.Repeat("d/", 300), Typeflag: tar.TypeDir}},
		"a long name":       {{Name: strings.Repeat("n", 5000), Typeflag: tar.TypeReg}},
		"file as directory": {{Name: "x", Typeflag: tar.TypeReg}, {Name: "x/y", Typeflag: tar.TypeReg}},
	} {
		var bad *badArchive
		if err := unpack(t.Context(), bytes.NewReader(tarball(t, members...)), t.TempDir(), 100); !errors.As(err, &bad) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// An archive of a megabyte may be one of gigabytes: nobody unpacks it who is not waited for.
	ctx, cancel := context.WithCancel(t.Context())
	members := slices.Repeat([]tar.Header{{Name: "d", Typeflag: tar.TypeDir}}, 1000)
	at := t.TempDir()
	cancel()
	if err := unpack(ctx, bytes.NewReader(tarball(t, members...)), at, 100); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody waits: %v", err)
	}
	dir := t.TempDir()
	if err := unpack(t.Context(), bytes.NewReader(tarball(t, tar.Header{Name: "./code/run", Typeflag: tar.TypeReg, Mode: 0o700, Uname: "R"})), dir, 100); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(dir + "/code/run"); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("%v %v", info, err)
	}
}

func TestClipKeepsWholeCharacters(t *testing.T) {
	for _, s := range []string{strings.Repeat("x", 3000), strings.Repeat("x", 1023) + "ä", strings.Repeat("ä", 600), strings.Repeat("ä", 3000), "short ä"} {
		got, short := clip(s), firstBytes(s, 1024)
		if n := utf8.RuneCountInString(got); n != min(1024, utf8.RuneCountInString(s)) || !strings.HasPrefix(s, got) {
			t.Errorf("clip of %d characters gave %d", utf8.RuneCountInString(s), n)
		}
		if len(short) > 1024 || len(short) < min(len(s), 1023) || !strings.HasPrefix(s, short) || !utf8.ValidString(short) {
			t.Errorf("the beginning of %d bytes has %d", len(s), len(short))
		}
	}
}

// TestTimesOfTheContract: how long a container may take, as AWS's guide says.
func TestTimesOfTheContract(t *testing.T) {
	for what, c := range map[string][2]time.Duration{
		"a job's container to end": {grace, 120 * time.Second}, "a model's container to end": {farewell, 30 * time.Second},
		"an answer to /ping": {pingTime, 2 * time.Second}, "the first good answer": {New(Config{}).Startup, 8 * time.Minute},
	} {
		if c[0] != c[1] {
			t.Errorf("for %s there is %s and not %s", what, c[0], c[1])
		}
	}
}

func TestTrainingArgs(t *testing.T) {
	img := &Image{Entrypoint: []string{"python", "main.py"}, Cmd: []string{"cmd"}}
	for _, c := range []struct {
		entrypoint, args []string
		want             string
	}{
		{nil, nil, "python main.py train"}, {[]string{"run"}, nil, "run"}, {nil, []string{"-x"}, "python main.py -x"}, {[]string{"run"}, []string{"-x"}, "run -x"},
	} {
		if got := strings.Join(trainingArgs(img, c.entrypoint, c.args), " "); got != c.want {
			t.Errorf("%v %v: %q, want %q", c.entrypoint, c.args, got, c.want)
		}
	}
	if len(img.Entrypoint) != 2 {
		t.Error("the image was changed")
	}
}

func TestLimits(t *testing.T) {
	s := &Service{}
	if l, ok := s.limits("ml.m5.large"); !ok || l.CPUs != 2 || l.Weight != 2 || l.Memory != 8<<30 {
		t.Errorf("%+v %v", l, ok)
	}
	s.Capacity = Capacity{CPUs: 1, Memory: 1 << 30}
	if l, ok := s.limits("ml.c5.xlarge"); !ok || l.CPUs != 1 || l.Weight != 4 || l.Memory != 1<<30 {
		t.Errorf("more than there is: %+v %v", l, ok)
	}
	for _, bad := range []string{"", "m5.large", "ml.p4d.24xlarge", "ml.m5", "ml.m5.huge"} {
		if _, ok := s.limits(bad); ok {
			t.Errorf("%q can be had", bad)
		}
	}
}

func TestPackEndsWithHugeFilesLinksAndPatience(t *testing.T) {
	base, out := t.TempDir(), filepath.Join(t.TempDir(), "packed")
	if err := os.MkdirAll(filepath.Join(base, "model"), 0o755); err != nil {
		t.Fatal(err)
	}
	huge, err := os.Create(filepath.Join(base, "model", "huge"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(huge.Truncate(8<<40), huge.Close()); err != nil {
		t.Fatal(err)
	}
	var known *failure
	if _, err := packTo(t.Context(), out, []string{base}, "model", largestModel); !errors.As(err, &known) {
		t.Errorf("8 TiB of holes: %v, want a failure for the customer", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := packTo(gone, out, []string{base}, "model", 16<<40); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody waits: %v", err)
	}
	if err := os.Symlink("/etc", filepath.Join(base, "output")); err != nil {
		t.Fatal(err)
	}
	if n, err := packTo(t.Context(), out, []string{base}, "output/data", 1<<20); n != 0 || err != nil {
		t.Errorf("a link in the place of the directory: %d files, %v", n, err)
	}
}

// packTo packs into a file.
func packTo(ctx context.Context, to string, bases []string, dir string, limit int64) (n int, err error) {
	f, err := os.Create(to)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return pack(ctx, f, bases, dir, limit)
}
