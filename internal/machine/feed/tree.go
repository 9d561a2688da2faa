package feed

import (
	"errors"
	"fmt"
	"path"
	"strings"
)

// File is a file of a view: its path below the view and its size.
type File struct {
	Name string
	Size int64
}

// node is a file or a directory of a view; its place in the tree is its number, less one.
type node struct {
	name     string
	file     int // its number among the files; negative for a directory
	size     int64
	children []int // of a directory, in the order of the files
	index    map[string]int
}

// tree is all of a view. The root is the first.
type tree []node

// ErrName is a name that cannot be a file's.
var ErrName = errors.New("no file name")

// CheckFiles says with ErrName which file cannot be where its name says.
func CheckFiles(files []File) error {
	_, err := newTree(files)
	return err
}

func newTree(files []File) (tree, error) {
	t := tree{{file: -1, index: map[string]int{}}}
	for i, f := range files {
		if f.Name == "" || f.Name == "." || path.Clean(f.Name) != f.Name || f.Name[0] == '/' || f.Name == ".." || strings.HasPrefix(f.Name, "../") || strings.ContainsRune(f.Name, 0) || f.Size < 0 {
			return nil, fmt.Errorf("%w: %s", ErrName, f.Name)
		}
		at, parts := 0, strings.Split(f.Name, "/")
		for k, name := range parts {
			last := k == len(parts)-1
			next, there := t[at].index[name]
			switch {
			case len(name) > 255, there && (last || t[next].file >= 0):
				return nil, fmt.Errorf("%w: %s", ErrName, f.Name)
			case there:
			case last:
				next = t.add(at, node{name: name, file: i, size: f.Size})
			default:
				next = t.add(at, node{name: name, file: -1, index: map[string]int{}})
			}
			at = next
		}
	}
	return t, nil
}

func (t *tree) add(to int, n node) int {
	*t = append(*t, n)
	i := len(*t) - 1
	(*t)[to].children = append((*t)[to].children, i)
	(*t)[to].index[n.name] = i
	return i
}
