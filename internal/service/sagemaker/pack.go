package sagemaker

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
)

// pack writes the files below dir of every base as one gzipped tar, named relative to dir, and gives how
// many there are; of files with one name the last base's is taken. The containers chose what lies there:
// links are packed as links, nothing outside the bases is read, what is no file is left out, and more than
// limit bytes are too many, be they holes. The same files make the same bytes.
func pack(ctx context.Context, to io.Writer, bases []string, dir string, limit int64) (n int, err error) {
	z := newGzipWriter(ctx, to)
	p := &packer{ctx: ctx, w: tar.NewWriter(z), left: limit, buffer: make([]byte, 256<<10)}
	if len(bases) > 1 {
		p.taken = map[string]bool{}
	}
	for _, base := range slices.Backward(bases) {
		if err := p.tree(base, dir); err != nil {
			return p.files, errors.Join(err, p.w.Close(), z.Close())
		}
	}
	return p.files, errors.Join(p.w.Close(), z.Close())
}

// packer adds files to an archive as long as there is room and somebody waits for it.
type packer struct {
	ctx   context.Context
	w     *tar.Writer
	root  *os.Root
	left  int64
	files int
	// buffer is what a file passes through.
	buffer []byte
	// taken are the names that are in the archive already, true for directories; nil where none can come again.
	taken map[string]bool
}

// mostTaken is how many names of files of several hosts are remembered.
const mostTaken = 1 << 20

// tree adds what is below base/dir.
func (p *packer) tree(base, dir string) error {
	sub, ok, err := below(base, dir)
	if err != nil || !ok {
		return err
	}
	defer sub.Close()
	p.root = sub
	return fs.WalkDir(newWalked(sub), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		if err := tooDeep(name); err != nil {
			return err
		}
		skip, err := p.skip(name, d.IsDir())
		if err != nil || skip {
			return err
		}
		return p.add(name)
	})
}

// skip tells whether something of that name is in the archive already, or something in the place of a
// directory above it, and remembers the name.
func (p *packer) skip(name string, directory bool) (bool, error) {
	if p.taken == nil {
		return false, nil
	}
	if _, there := p.taken[name]; there {
		return true, nil
	}
	for above := path.Dir(name); above != "."; above = path.Dir(above) {
		if isDirectory, there := p.taken[above]; there && !isDirectory {
			return true, nil
		}
	}
	if len(p.taken) == mostTaken {
		return false, fails("ClientError: Artifact upload failed:The instances left more than %d files", mostTaken)
	}
	p.taken[name] = directory
	return false, nil
}

// patient is a reader that ends when nobody waits any more.
type patient struct {
	ctx  context.Context
	from io.Reader
}

func (p patient) Read(b []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	return p.from.Read(b)
}

// onlyWriter has no shortcut around the buffer.
type onlyWriter struct{ io.Writer }

// add packs one file, directory or link.
func (p *packer) add(name string) error {
	w, root := p.w, p.root
	if err := p.ctx.Err(); err != nil {
		return err
	}
	info, err := root.Lstat(name)
	if err != nil {
		return err
	}
	link := ""
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		if link, err = root.Readlink(name); err != nil {
			return err
		}
	case !info.IsDir() && !info.Mode().IsRegular():
		return nil
	}
	h, err := tar.FileInfoHeader(info, link)
	if err != nil {
		return fmt.Errorf("pack %s: %w", name, err)
	}
	h.Name, h.Uid, h.Gid, h.Uname, h.Gname, h.Mode = name, 0, 0, "", "", h.Mode&0o777
	if info.IsDir() {
		h.Name += "/"
		return w.WriteHeader(h)
	}
	if info.Mode().IsRegular() {
		if p.left -= info.Size(); p.left < 0 {
			return fails("ClientError: Artifact upload failed:Insufficient disk space: the artifacts are larger than %d GiB", largestModel>>30)
		}
	}
	if err := w.WriteHeader(h); err != nil {
		return fmt.Errorf("pack %s: %w", name, err)
	}
	if link != "" {
		p.files++
		return nil
	}
	f, err := root.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := io.CopyBuffer(onlyWriter{w}, patient{p.ctx, io.LimitReader(f, info.Size())}, p.buffer); err != nil {
		return fmt.Errorf("pack %s: %w", name, err)
	}
	p.files++
	return nil
}
