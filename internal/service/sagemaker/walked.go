package sagemaker

import (
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
)

// walked is a tree that a stranger made, as fs.WalkDir walks it: no more of its names are held than anybody wants to
// hold, links do not lead out of it, and what is a pipe by now does not make us wait.
type walked struct {
	root  *os.Root
	left  int // names
	bytes int // of paths
}

func newWalked(root *os.Root) *walked {
	return &walked{root: root, left: mostProducts, bytes: mostNames}
}

// Open gives what fs.WalkDir asks for first.
func (l *walked) Open(name string) (fs.File, error) { return l.directory(name) }

func (l *walked) directory(name string) (*os.File, error) {
	return l.root.OpenFile(name, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NONBLOCK, 0)
}

// ReadDir gives what is in a directory, sorted.
func (l *walked) ReadDir(name string) ([]fs.DirEntry, error) {
	dir, err := l.directory(name)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	var all []fs.DirEntry
	for {
		some, err := dir.ReadDir(1024)
		for _, e := range some {
			l.left, l.bytes = l.left-1, l.bytes-len(name)-1-len(e.Name())
		}
		if l.left < 0 || l.bytes < 0 {
			return nil, fails("ClientError: Artifact upload failed:The container left more than %d files, or names of %d bytes", mostProducts, mostNames)
		}
		all = append(all, some...)
		if err == io.EOF {
			slices.SortFunc(all, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
			return all, nil
		}
		if err != nil {
			return nil, err
		}
	}
}
