// Package image keeps container images unpacked, each once, named by its digest. Images that begin with the same
// layers share the files of these.
//
// It promises: what Image gives is whole and was checked against its digest; nothing in an image
// reaches outside its directory while it is unpacked, and no device or set-user-id bit comes out of
// it. It must not know registries, repositories' owners or what runs an image.
package image

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sys/unix"
)

// ErrUnknown is given for a reference or a digest that is not in the store.
var ErrUnknown = errors.New("no such image")

// ErrMalformed is given for what is no reference at all.
var ErrMalformed = errors.New("malformed reference")

// Digest names an image's content: sha256 of its manifest, as "sha256:<hex>".
type Digest string

// Unpacked is an image ready to run.
type Unpacked struct {
	// Root is the image's file system. It is shared and must not be written to.
	Root   string
	Config Config
}

// Config is what the image says about running it.
type Config struct {
	Entrypoint, Cmd, Env []string
	WorkingDir           string
	User                 string
	Labels               map[string]string
}

// Options bound what an image may unpack to.
type Options struct {
	// Rootless leaves every file to the one user there is.
	Rootless bool
	// Bytes bounds all files of an image together; 64 GiB when zero.
	Bytes int64
	// Entries bounds their number; a million when zero.
	Entries int
	// Share is how many bytes of layers are worth being kept for other images that begin with the same layers;
	// 64 MiB when zero.
	Share int64
}

// Store is a directory of images.
type Store struct {
	directory string
	options   Options
	free      func(dir string) (bytes, files int64, err error)
	work      string   // begins the names of what is not whole
	locks     sync.Map // Digest → chan struct{}
}

// Open gives the store of a directory and removes what a process left half unpacked there.
func Open(directory string, options Options) (*Store, error) {
	s, err := openStore(directory, options, own)
	if err != nil {
		return nil, err
	}
	for _, where := range []string{"sha256", "stacks"} {
		if err := removeNamed(filepath.Join(s.directory, where), own); err != nil {
			return nil, fmt.Errorf("open images: %w", err)
		}
	}
	if err := sweepGuests(s.directory); err != nil {
		return nil, fmt.Errorf("open images: %w", err)
	}
	return s, nil
}

// removeNamed removes what lies in a directory under names that begin so.
func removeNamed(directory, beginning string) error {
	all, err := filepath.Glob(filepath.Join(directory, beginning+"*"))
	if err != nil {
		return err
	}
	for _, name := range all {
		if err := os.RemoveAll(name); err != nil {
			return err
		}
	}
	return nil
}

// own begins the names of what the store is unpacking or removing.
const own = ".new-"

func openStore(directory string, options Options, work string) (*Store, error) {
	directory, err := filepath.Abs(directory)
	if err != nil {
		return nil, err
	}
	options.Bytes = cmp.Or(options.Bytes, 64<<30)
	options.Entries = cmp.Or(options.Entries, 1_000_000)
	options.Share = cmp.Or(options.Share, 64<<20)
	for _, name := range []string{"sha256", "references", "builds", "stacks"} {
		if err := os.MkdirAll(filepath.Join(directory, name), 0o700); err != nil {
			return nil, fmt.Errorf("open images: %w", err)
		}
	}
	return &Store{directory: directory, options: options, free: spare, work: work}, nil
}

// Import unpacks an image unless it is there already, and gives it a name. Of imports of one image
// at a time one works and the others wait for it.
func (s *Store) Import(ctx context.Context, ref string, img v1.Image) (Digest, error) {
	if _, err := parse(ref); err != nil {
		return "", err
	}
	hash, err := img.Digest()
	if err != nil {
		return "", fmt.Errorf("import %s: %w", ref, err)
	}
	digest := Digest(hash.String())
	if err := s.ensure(ctx, digest, img); err != nil {
		return "", fmt.Errorf("import %s: %w", ref, err)
	}
	return digest, s.Tag(ctx, ref, digest)
}

// Keep unpacks an image unless it is there already, and gives it no name: Resolve does not find it, Image does.
func (s *Store) Keep(ctx context.Context, img v1.Image) (Digest, error) {
	hash, err := img.Digest()
	if err != nil {
		return "", fmt.Errorf("keep image: %w", err)
	}
	digest := Digest(hash.String())
	if err := s.ensure(ctx, digest, img); err != nil {
		return "", fmt.Errorf("keep image %s: %w", digest, err)
	}
	return digest, nil
}

func (s *Store) ensure(ctx context.Context, digest Digest, img v1.Image) error {
	dir, err := s.path(digest)
	if err != nil {
		return err
	}
	lock, _ := s.locks.LoadOrStore(digest, make(chan struct{}, 1))
	select {
	case lock.(chan struct{}) <- struct{}{}:
		defer func() { <-lock.(chan struct{}) }()
	case <-ctx.Done():
		return ctx.Err()
	}
	release, err := s.hold()
	if err != nil {
		return err
	}
	defer release()
	if _, err := os.Stat(dir); err == nil {
		touch(dir)
		return nil
	}
	work, err := os.MkdirTemp(filepath.Dir(dir), s.work)
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	stacks, err := s.unpack(ctx, img, work)
	defer stacks.drop()
	if err != nil {
		return err
	}
	if err := place(work, dir); err != nil {
		return err
	}
	return s.share(stacks, filepath.Join(dir, "root"))
}

// place gives a complete directory its name. The files reach the disk first: a name must never
// stand for an image that lost half of them with the power.
func place(work, dir string) error {
	handle, err := os.Open(work)
	if err != nil {
		return err
	}
	defer handle.Close()
	if err := unix.Syncfs(int(handle.Fd())); err != nil {
		return err
	}
	err = os.Rename(work, dir)
	if errors.Is(err, fs.ErrExist) || errors.Is(err, unix.ENOTEMPTY) {
		return nil // Another process was quicker; its bytes are the same.
	}
	return err
}

// path gives where an image lies; the digest is checked because it becomes a name.
func (s *Store) path(digest Digest) (string, error) {
	text, ok := strings.CutPrefix(string(digest), "sha256:")
	if raw, err := hex.DecodeString(text); !ok || err != nil || len(raw) != sha256.Size || text != strings.ToLower(text) {
		return "", fmt.Errorf("digest %q: %w", digest, ErrUnknown)
	}
	return filepath.Join(s.directory, "sha256", text), nil
}

// Image gives an image by digest.
func (s *Store) Image(_ context.Context, digest Digest) (Unpacked, error) {
	dir, err := s.path(digest)
	if err != nil {
		return Unpacked{}, err
	}
	release, err := s.hold()
	if err != nil {
		return Unpacked{}, err
	}
	defer release()
	touch(dir)
	found := Unpacked{Root: filepath.Join(dir, "root")}
	err = readJSON(filepath.Join(dir, "config.json"), &found.Config)
	if errors.Is(err, fs.ErrNotExist) {
		err = ErrUnknown
	}
	if err != nil {
		return Unpacked{}, fmt.Errorf("image %s: %w", digest, err)
	}
	return found, nil
}

// tag is a reference as it lies on disk.
type tag struct {
	Reference string
	Digest    Digest
}

func (s *Store) tagPath(name string) string {
	sum := sha256.Sum256([]byte(name))
	return filepath.Join(s.directory, "references", hex.EncodeToString(sum[:])+".json")
}

// Tag gives an image that is there another name, or a name another image.
func (s *Store) Tag(ctx context.Context, ref string, digest Digest) error {
	name, err := parse(ref)
	if err != nil {
		return err
	}
	if _, err := s.Image(ctx, digest); err != nil {
		return err
	}
	now := tag{Reference: name.full(), Digest: digest}
	var before tag
	if err := readJSON(s.tagPath(name.full()), &before); err == nil && before == now {
		return nil
	}
	return writeJSON(s.tagPath(name.full()), now)
}

// Resolve gives the digest that a name stands for now. A name that holds a digest stands for that, if it is the digest
// of an image that has a name in the same repository: what was kept without one is not for who only knows its digest.
func (s *Store) Resolve(ctx context.Context, ref string) (Digest, error) {
	name, err := parse(ref)
	if err != nil {
		return "", err
	}
	if name.digest != "" {
		return name.digest, s.named(ctx, name)
	}
	var found tag
	err = readJSON(s.tagPath(name.full()), &found)
	if errors.Is(err, fs.ErrNotExist) {
		err = ErrUnknown
	}
	if err != nil {
		return "", fmt.Errorf("image %s: %w", ref, err)
	}
	return found.Digest, nil
}

// named tells by its error whether an image that is asked for by digest has a name in the repository.
func (s *Store) named(ctx context.Context, asked reference) error {
	all, err := s.Names(ctx)
	if err != nil {
		return err
	}
	for _, n := range all {
		if has, err := parse(n.Reference); err == nil && n.Digest == asked.digest && has.repository == asked.repository {
			_, err := s.Image(ctx, n.Digest)
			return err
		}
	}
	return fmt.Errorf("image %s: %w", asked.full(), ErrUnknown)
}

func readJSON(name string, into any) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, into)
}

// writeJSON replaces a file whole or not at all.
func writeJSON(name string, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(name), ".part-")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	_, err = file.Write(data)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), name)
}
