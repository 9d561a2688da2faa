package sagemaker

import (
	"bufio"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"sync"
)

// ledger remembers on disk what has been put into S3, so that nothing is put twice, also by a process that
// comes after this one. It lies beside the files it speaks of and goes with them.
type ledger struct {
	mu  sync.Mutex
	f   *os.File
	own map[string]posting
}

// posting is what is known of an object: from which file it was made, and whether S3 has said that it has it.
type posting struct {
	Key  string `json:"k"`
	File string `json:"f"` // empty: the object was deleted
	Done bool   `json:"d,omitempty"`
}

// openLedger reads a ledger, or begins one. What a process wrote that died is a line less at most.
func openLedger(name string) (*ledger, error) {
	l := &ledger{own: map[string]posting{}}
	b, err := os.Open(name)
	if err == nil {
		defer b.Close()
		for lines := bufio.NewScanner(b); lines.Scan(); {
			var p posting
			if json.Unmarshal(lines.Bytes(), &p) == nil {
				l.take(p)
			}
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if l.f, err = os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
		return nil, err
	}
	_, err = l.f.WriteString("\n") // ends a line that broke off
	return l, err
}

func (l *ledger) take(p posting) {
	if p.File == "" {
		delete(l.own, p.Key)
	} else {
		l.own[p.Key] = p
	}
}

// of gives what is known of a key.
func (l *ledger) of(key string) posting {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.own[key]
}

// keyOf gives the key that a file was to be put under; empty if the ledger does not speak of it.
func (l *ledger) keyOf(file string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, p := range l.own {
		if p.File == file {
			return key
		}
	}
	return ""
}

// write adds what is known now.
func (l *ledger) write(p posting) error {
	b, err := json.Marshal(p)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.take(p)
	_, err = l.f.Write(append(b, '\n'))
	return err
}

// missing gives the keys of which keep says no.
func (l *ledger) missing(keep func(key string) bool) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []string
	for key := range l.own {
		if !keep(key) {
			out = append(out, key)
		}
	}
	return out
}

func (l *ledger) close() error { return l.f.Close() }
