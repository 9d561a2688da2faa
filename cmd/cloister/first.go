package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"

	"cloister/internal/service/iam"
)

func (f place) containers() string { return f.path("containers") }

// name is a short name of the instance for kernel objects, the same at each start.
func (f place) name() string {
	sum := sha256.Sum256([]byte(f.data))
	return hex.EncodeToString(sum[:4])
}

func (f place) cgroup() string { return "cloister-" + f.name() }

// firstCredentials writes the root's first access key, at first start only; it is never logged.
func (f place) firstCredentials(ctx context.Context, s *iam.Service, c config) error {
	if _, err := os.Stat(f.credentials()); err == nil {
		return nil
	}
	id, secret, made, err := s.Root(ctx, c.Account)
	if err != nil {
		return fmt.Errorf("first credentials: %w", err)
	}
	if !made {
		return fmt.Errorf("%s is missing, and the root of account %s has a key already: restore the file", f.credentials(), c.Account)
	}
	text := fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", id, secret)
	return writeWhole(f.credentials(), []byte(text), 0o600)
}

// writeWhole writes a file so that it is there whole or not at all, also after a crash.
func writeWhole(path string, b []byte, mode os.FileMode) error {
	w, err := os.OpenFile(path+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	if _, err := w.Write(b); err != nil {
		w.Close()
		return err
	}
	if err := w.Sync(); err != nil {
		w.Close()
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
