package algorithm

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// look tells the log what each channel holds: every file, and as many passes over a pipe as "look" says.
func (p program) look(c configuration, passes string) error {
	n, err := strconv.Atoi(passes)
	if err != nil {
		return customer(err)
	}
	data := filepath.Join(p.root, "input", "data")
	for name, channel := range c.channels {
		for pass := 0; channel.TrainingInputMode == "Pipe" && pass < n; pass++ {
			if err := p.lookAt(data, fmt.Sprintf("%s_%d", name, pass)); err != nil {
				return err
			}
		}
	}
	return filepath.WalkDir(data, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		return p.lookAt(data, strings.TrimPrefix(path, data+"/"))
	})
}

func (p program) lookAt(dir, name string) error {
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	defer f.Close()
	h, began := sha256.New(), p.now()
	n, err := io.CopyBuffer(h, onlyReader{f}, make([]byte, 1<<20))
	if err != nil {
		return err
	}
	p.log("INFO", "saw %s: %d bytes, SHA-256 %x", name, n, h.Sum(nil))
	p.log("INFO", "read %s in %d us", name, p.now().Sub(began).Microseconds())
	return nil
}

// skim reads every file of the channels from its beginning to its end, and tells how long each took.
func (p program) skim() error {
	data := filepath.Join(p.root, "input", "data")
	return filepath.WalkDir(data, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		began := p.now()
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		n, err := io.CopyBuffer(onlyWriter{io.Discard}, onlyReader{f}, make([]byte, 1<<20))
		if err != nil {
			return err
		}
		p.log("INFO", "skimmed %d bytes in %d us", n, p.now().Sub(began).Microseconds())
		return nil
	})
}

type onlyWriter struct{ io.Writer }

type onlyReader struct{ io.Reader }

// fill writes so many bytes that do not get smaller into the model.
func (p program) fill(size string) error {
	n, err := strconv.ParseInt(size, 10, 64)
	if err != nil {
		return customer(err)
	}
	f, err := os.Create(filepath.Join(p.root, "model", "weights"))
	if err != nil {
		return err
	}
	if _, err := io.CopyN(f, rand.Reader, n); err != nil {
		return err
	}
	return f.Close()
}
