package model

import (
	"compress/gzip"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"sort"
	"strings"
	"sync"
)

//go:embed data/*.json.gz
var archive embed.FS

// loads holds one *load per service that was asked for.
var loads sync.Map

type load struct {
	once    sync.Once
	service *Service
	err     error
}

// Load gives the model of a service. The first call for a service reads the archive; each later call
// gives the same pointers. Any number of goroutines may call it.
func Load(id string) (*Service, error) {
	v, _ := loads.LoadOrStore(id, new(load))
	l := v.(*load)
	l.once.Do(func() { l.service, l.err = read(id) })
	if l.err != nil {
		loads.CompareAndDelete(id, v) // so that guesses do not pile up
	}
	return l.service, l.err
}

// MustLoad is Load for a service that is part of the program; it panics when there is none.
func MustLoad(id string) *Service {
	s, err := Load(id)
	if err != nil {
		panic(err)
	}
	return s
}

// IDs lists the services in the archive, in order.
func IDs() []string {
	files, err := fs.Glob(archive, "data/*.json.gz")
	if err != nil {
		return nil
	}
	ids := make([]string, len(files))
	for i, f := range files {
		ids[i] = strings.TrimSuffix(strings.TrimPrefix(f, "data/"), ".json.gz")
	}
	sort.Strings(ids)
	return ids
}

func read(id string) (*Service, error) {
	f, err := archive.Open("data/" + id + ".json.gz")
	if err != nil {
		return nil, fmt.Errorf("no model of service %q", id)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("model of %s: %w", id, err)
	}
	var p packed
	if err := json.NewDecoder(z).Decode(&p); err != nil {
		return nil, fmt.Errorf("model of %s: %w", id, err)
	}
	return p.unpack()
}
