package image

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

// tree lists what lies below a root: path=content, path/ or path->target.
func tree(t *testing.T, root string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == root {
			return err
		}
		rel, _ := filepath.Rel(root, name)
		switch {
		case d.IsDir():
			rel += "/"
		case d.Type()&fs.ModeSymlink != 0:
			target, _ := os.Readlink(name)
			rel += "->" + target
		default:
			data, _ := os.ReadFile(name)
			rel += "=" + string(data)
		}
		all = append(all, rel)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

func TestLayers(t *testing.T) {
	base := layer(t, dir("d"), file("d/a", "1"), file("d/b", "1"), dir("d/sub"), file("d/sub/c", "1"), file("top", "1"))
	for name, test := range map[string]struct {
		upper []entry
		want  string
	}{
		"replace file":             {[]entry{file("top", "2")}, "d/ d/a=1 d/b=1 d/sub/ d/sub/c=1 top=2"},
		"whiteout file":            {[]entry{file("d/.wh.a", "")}, "d/ d/b=1 d/sub/ d/sub/c=1 top=1"},
		"whiteout directory":       {[]entry{file("d/.wh.sub", "")}, "d/ d/a=1 d/b=1 top=1"},
		"whiteout of nothing":      {[]entry{file("d/.wh.none", "")}, "d/ d/a=1 d/b=1 d/sub/ d/sub/c=1 top=1"},
		"opaque first":             {[]entry{file("d/.wh..wh..opq", ""), file("d/n", "2")}, "d/ d/n=2 top=1"},
		"opaque last":              {[]entry{file("d/n", "2"), file("d/.wh..wh..opq", "")}, "d/ d/n=2 top=1"},
		"opaque last, deeper":      {[]entry{file("d/sub/n", "2"), file("d/.wh..wh..opq", "")}, "d/ d/sub/ d/sub/n=2 top=1"},
		"opaque root":              {[]entry{file(".wh..wh..opq", ""), file("n", "2")}, "n=2"},
		"whiteout then new":        {[]entry{file(".wh.d", ""), file("d/n", "2")}, "d/ d/n=2 top=1"},
		"directory over directory": {[]entry{dir("d"), file("d/n", "2")}, "d/ d/a=1 d/b=1 d/n=2 d/sub/ d/sub/c=1 top=1"},
		"file over directory":      {[]entry{file("d", "2")}, "d=2 top=1"},
		"directory over file":      {[]entry{dir("top"), file("top/n", "2")}, "d/ d/a=1 d/b=1 d/sub/ d/sub/c=1 top/ top/n=2"},
		"hard link to lower layer": {[]entry{hardlink("h", "d/a")}, "d/ d/a=1 d/b=1 d/sub/ d/sub/c=1 h=1 top=1"},
		"hard link, absolute":      {[]entry{hardlink("h", "/top")}, "d/ d/a=1 d/b=1 d/sub/ d/sub/c=1 h=1 top=1"},
		"bookkeeping of aufs":      {[]entry{file(".wh..wh.plnk", "")}, "d/ d/a=1 d/b=1 d/sub/ d/sub/c=1 top=1"},
		"parents not listed":       {[]entry{file("x/y/z", "2")}, "d/ d/a=1 d/b=1 d/sub/ d/sub/c=1 top=1 x/ x/y/ x/y/z=2"},
		"through a link":           {[]entry{symlink("l", "/d"), file("l/n", "2")}, "d/ d/a=1 d/b=1 d/n=2 d/sub/ d/sub/c=1 l->/d top=1"},
		"through a link upwards":   {[]entry{symlink("d/l", "../../../d/sub"), file("d/l/n", "2")}, "d/ d/a=1 d/b=1 d/l->../../../d/sub d/sub/ d/sub/c=1 d/sub/n=2 top=1"},
		"link to what is not yet":  {[]entry{symlink("l", "/later"), file("l/n", "2")}, "d/ d/a=1 d/b=1 d/sub/ d/sub/c=1 l->/later later/ later/n=2 top=1"},
		"link replaces its way":    {[]entry{symlink("x", "."), file("x/x", "2")}, "d/ d/a=1 d/b=1 d/sub/ d/sub/c=1 top=1 x=2"},
	} {
		t.Run(name, func(t *testing.T) {
			got := strings.Join(tree(t, unpacked(t, open(t, Options{}), base, layer(t, test.upper...))), " ")
			if got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

// TestEscapes unpacks layers that try to write outside; each must fail or stay inside.
func TestEscapes(t *testing.T) {
	outside := t.TempDir()
	secret := filepath.Join(outside, "secret")
	if err := os.WriteFile(secret, []byte("untouched"), 0o600); err != nil {
		t.Fatal(err)
	}
	up := strings.Repeat("../", 30)
	for name, entries := range map[string][]entry{
		"dots":                   {file(up+strings.TrimPrefix(secret, "/"), "evil")},
		"absolute":               {file(secret, "evil")},
		"link to directory":      {symlink("l", outside), file("l/secret", "evil")},
		"relative link":          {symlink("l", up+strings.TrimPrefix(outside, "/")), file("l/secret", "evil")},
		"link to file":           {symlink("l", secret), file("l", "evil")},
		"link in link":           {symlink("a", "/"), symlink("a/b", outside), file("a/b/secret", "evil")},
		"whiteout through link":  {symlink("l", outside), file("l/.wh.secret", "")},
		"opaque through link":    {symlink("l", outside), file("l/.wh..wh..opq", "")},
		"hard link out":          {hardlink("l", secret), file("l", "evil")},
		"hard link through link": {symlink("d", outside), hardlink("l", "d/secret"), file("l", "evil")},
		"directory over link":    {symlink("l", outside), dir("l"), file("l/secret", "evil")},
		"chmod through link":     {symlink("l", secret), {tar.Header{Name: "l", Typeflag: tar.TypeDir, Mode: 0o777}, ""}},
		"whiteout of dots":       {file(".wh...", "")},
		"whiteout of a slash":    {file("a/.wh.", "")},
		"link loop":              {symlink("a", "b"), symlink("b", "a"), file("a/x", "evil")},
		"hard link to directory": {dir("d"), hardlink("l", "d")},
	} {
		t.Run(name, func(t *testing.T) {
			store := open(t, Options{})
			digest, err := store.Import(t.Context(), kmeans, pack(t, false, nil, layer(t, entries...)))
			if err == nil {
				if found, _ := store.Image(t.Context(), digest); found.Root == "" {
					t.Error("no image and no error")
				}
			}
			data, readErr := os.ReadFile(secret)
			info, statErr := os.Stat(secret)
			if readErr != nil || statErr != nil || string(data) != "untouched" || info.Mode() != 0o600 {
				t.Fatalf("the file outside is %q %v (%v, %v); import said %v", data, info.Mode(), readErr, statErr, err)
			}
			if left, _ := os.ReadDir(outside); len(left) != 1 {
				t.Fatalf("outside lies %v", left)
			}
		})
	}
}

func TestPrivilegesDropped(t *testing.T) {
	root := unpacked(t, open(t, Options{}), layer(t,
		entry{tar.Header{Name: "setuid", Typeflag: tar.TypeReg, Mode: 0o6755}, "x"},
		entry{tar.Header{Name: "tmp", Typeflag: tar.TypeDir, Mode: 0o1777}, ""},
		entry{tar.Header{Name: "group", Typeflag: tar.TypeDir, Mode: 0o2755}, ""},
		entry{tar.Header{Name: "disk", Typeflag: tar.TypeBlock, Mode: 0o666, Devmajor: 8}, ""},
		entry{tar.Header{Name: "null", Typeflag: tar.TypeChar, Mode: 0o666, Devmajor: 1, Devminor: 3}, ""},
		entry{tar.Header{Name: "fifo", Typeflag: tar.TypeFifo, Mode: 0o666}, ""},
		entry{tar.Header{Name: "capable", Typeflag: tar.TypeReg, Mode: 0o755, PAXRecords: map[string]string{
			"SCHILY.xattr.security.capability": "\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"}}, "x"},
	))
	if got := strings.Join(tree(t, root), " "); got != "capable=x group/ setuid=x tmp/" {
		t.Errorf("unpacked %s", got)
	}
	for name, want := range map[string]fs.FileMode{
		"setuid": 0o755, "tmp": fs.ModeDir | fs.ModeSticky | 0o777, "group": fs.ModeDir | 0o755,
	} {
		if info, err := os.Stat(filepath.Join(root, name)); err != nil || info.Mode() != want {
			t.Errorf("%s has mode %v, %v; want %v", name, info.Mode(), err, want)
		}
	}
	if n, err := syscall.Getxattr(filepath.Join(root, "capable"), "security.capability", nil); err == nil {
		t.Errorf("a file capability of %d bytes came through", n)
	}
}

func TestOwner(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can give files away")
	}
	owned := layer(t, file("f", "1"))
	// The header's owner, in place of the test's.
	owned = []byte(strings.Replace(string(owned), "0000000\x000000000\x00", "0001750\x000001751\x00", 1))
	fixChecksum(owned)
	for rootless, want := range map[bool]uint32{false: 1000, true: 0} {
		root := unpacked(t, open(t, Options{Rootless: rootless}), owned)
		info, err := os.Stat(filepath.Join(root, "f"))
		if err != nil || info.Sys().(*syscall.Stat_t).Uid != want {
			t.Errorf("rootless %t: %+v, %v", rootless, info.Sys(), err)
		}
	}
}

func fixChecksum(header []byte) {
	copy(header[148:156], "        ")
	sum := 0
	for _, b := range header[:512] {
		sum += int(b)
	}
	copy(header[148:156], fmt.Sprintf("%06o\x00 ", sum))
}

func TestBounds(t *testing.T) {
	big := layer(t, file("a", strings.Repeat("x", 5000)), file("b", strings.Repeat("x", 5000)))
	many := layer(t, file("a", ""), file("b", ""), file("c", ""))
	for name, test := range map[string]struct {
		options Options
		layers  [][]byte
		fits    bool
	}{
		"bytes fit":               {Options{Bytes: 10_000}, [][]byte{big}, true},
		"bytes do not":            {Options{Bytes: 9_999}, [][]byte{big}, false},
		"bytes over layers":       {Options{Bytes: 15_000}, [][]byte{big, big}, false},
		"entries fit":             {Options{Entries: 3}, [][]byte{many}, true},
		"entries do not":          {Options{Entries: 2}, [][]byte{many}, false},
		"padding behind the data": {Options{Bytes: 10, Entries: 10}, [][]byte{append(many, make([]byte, 1<<20)...)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := open(t, test.options).Import(t.Context(), kmeans, pack(t, true, nil, test.layers...))
			if (err == nil) != test.fits || err != nil && !errors.Is(err, errTooLarge) {
				t.Error(err)
			}
		})
	}
}

// TestBombs are small images that would take time, memory or disk without end.
func TestBombs(t *testing.T) {
	repeated := func(n int, e entry) (out []entry) {
		for i := range n {
			f := e
			f.Name = fmt.Sprintf(e.Name, i)
			out = append(out, f)
		}
		return out
	}
	zeros, padded := layer(t, file("zero", strings.Repeat("\x00", 1<<20))), layer(t, file("one", "1"))
	padded = append(padded, make([]byte, 6<<20)...)
	for name, test := range map[string]struct {
		options Options
		layers  [][]byte
		free    int64 // on the disk
		want    error
	}{
		// What hides looks at all that the same layer wrote.
		"whiteouts of what is new": {Options{Entries: 3500}, [][]byte{layer(t, append(repeated(2000, file("d/%d", "")), slices.Repeat([]entry{file("d/.wh..wh..opq", "")}, 1000)...)...)}, 0, errTooLong},
		// Each is found over forty links, each of which goes up and down a thousand times.
		"links up and down": {Options{Entries: 2000}, [][]byte{layer(t, append([]entry{dir("a"), symlink("l", strings.Repeat("a/../", 800)+"m"), symlink("m", strings.Repeat("a/../", 800)+"a")},
			append(repeated(500, file("l/%d", "")), repeated(500, file("m/x%d/y", ""))...)...)...)}, 0, errTooLong},
		"names in memory":        {Options{Entries: 1000}, [][]byte{layer(t, repeated(900, file(strings.Repeat(strings.Repeat("n", 200)+"/", 10)+"%d", ""))...)}, 0, errTooLarge},
		"layers of nothing":      {Options{Bytes: 8 << 20, Entries: 10}, [][]byte{padded, padded}, 0, errTooLarge},
		"a layer of nothing":     {Options{Bytes: 8 << 20, Entries: 10}, [][]byte{padded}, 0, nil},
		"more than the disk has": {Options{}, [][]byte{layer(t, repeated(70, file("%d", strings.Repeat("\x00", 1<<20)))...)}, 60 << 20, errNoRoom},
		"many layers":            {Options{}, slices.Repeat([][]byte{zeros}, 50), 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			store := open(t, test.options)
			if test.free > 0 {
				store.free = func(dir string) (int64, int64, error) {
					left := test.free
					filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error { //nolint:errcheck // what is there counts
						if info, err := d.Info(); err == nil && !d.IsDir() {
							left -= info.Size()
						}
						return nil
					})
					return left, 1, nil
				}
			}
			began := time.Now()
			_, err := store.Keep(t.Context(), pack(t, true, nil, test.layers...))
			if !errors.Is(err, test.want) {
				t.Errorf("%v after %v", err, time.Since(began))
			}
			for _, where := range []string{"sha256", "stacks"} {
				left, _ := filepath.Glob(filepath.Join(store.directory, where, own+"*"))
				if len(left) != 0 {
					t.Errorf("left: %v", left)
				}
			}
		})
	}
}

// TestWindows: a layer whose compression needs much memory to be undone is refused.
func TestWindows(t *testing.T) {
	for size, fits := range map[int]bool{32 << 20: true, 64 << 20: false} {
		var packed bytes.Buffer
		z, err := zstd.NewWriter(&packed, zstd.WithWindowSize(size), zstd.WithSingleSegment(false))
		if err != nil {
			t.Fatal(err)
		}
		raw := layer(t, file("zeros", strings.Repeat("\x00", 1<<20)))
		z.Write(raw[:1000])
		z.Flush()
		z.Write(raw[1000:])
		z.Close()
		stream, err := plain(io.NopCloser(bytes.NewReader(packed.Bytes())), nil)
		if err == nil {
			var got []byte
			if got, err = io.ReadAll(stream); err == nil && !bytes.Equal(got, raw) {
				t.Error("other bytes came out")
			}
			stream.Close()
		}
		if (err == nil) != fits {
			t.Errorf("a window of %d bytes: %v", size, err)
		}
	}
}

// TestCopiesOfStacks: images of many layers do not lay down as many trees.
func TestCopiesOfStacks(t *testing.T) {
	store := open(t, Options{Share: 1, Entries: 1000})
	layers := [][]byte{}
	for i := range 90 {
		layers = append(layers, layer(t, dir(fmt.Sprint("d", i)), file(fmt.Sprintf("d%d/f", i), "x")))
	}
	d, err := store.Keep(t.Context(), pack(t, false, nil, layers...))
	if err != nil {
		t.Fatal(err)
	}
	if all, _ := filepath.Glob(filepath.Join(store.directory, "stacks", "*.json")); len(all) < 10 || len(all) > 40 {
		t.Errorf("%d stacks of 90 layers", len(all))
	}
	if u, err := store.Image(t.Context(), d); err != nil || len(tree(t, u.Root)) != 180 {
		t.Errorf("%v %v", u, err)
	}
}

// TestAccountsWithoutEnd: a file of accounts that is too long has no more in it than its beginning.
func TestAccountsWithoutEnd(t *testing.T) {
	root := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Mkdir(root+"/etc", 0o755))
	must(os.WriteFile(root+"/etc/passwd", []byte("a:x:1:2:::\n"+strings.Repeat("\n", longestAccounts)+"b:x:3:4:::\n"), 0o644))
	if uid, gid, err := (Unpacked{Root: root, Config: Config{User: "a"}}).User(); err != nil || uid != 1 || gid != 2 {
		t.Error(uid, gid, err)
	}
	if uid, _, err := (Unpacked{Root: root, Config: Config{User: "b"}}).User(); err == nil {
		t.Error("found", uid)
	}
	must(os.Remove(root + "/etc/passwd"))
	for _, target := range []string{"/etc/passwd", "../../../../../../../../../../etc/passwd", "/proc/self/status"} {
		must(os.Symlink(target, root+"/etc/passwd"))
		if uid, _, err := (Unpacked{Root: root, Config: Config{User: "daemon"}}).User(); err == nil {
			t.Errorf("%s: the host's user %d", target, uid)
		}
		must(os.Remove(root + "/etc/passwd"))
	}
}

func TestNamesWithoutEnd(t *testing.T) {
	for name, entry := range map[string]entry{
		"deep":      file(strings.Repeat("a/", 300)+"f", ""),
		"very deep": file(strings.Repeat("a/", 300_000)+"f", ""),
		"long":      file(strings.Repeat(strings.Repeat("b", 200)+"/", 30)+"f", ""),
	} {
		if _, err := open(t, Options{}).Import(t.Context(), kmeans, pack(t, false, nil, layer(t, entry))); !errors.Is(err, errTooDeep) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMalformedLayers(t *testing.T) {
	good := layer(t, file("a", strings.Repeat("x", 3000)))
	for name, data := range map[string][]byte{
		"cut":      good[:2000],
		"nonsense": []byte(strings.Repeat("no tar", 500)),
	} {
		if _, err := open(t, Options{}).Import(t.Context(), kmeans, pack(t, false, nil, data)); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}
