package certificate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

func certificateFile(dir string) string { return filepath.Join(dir, "ca.pem") }
func keyFile(dir string) string         { return filepath.Join(dir, "ca.key") }

const startAnew = "; remove ca.pem and ca.key to make a new authority, which every client must then trust anew"

// load reads the authority, or makes it where neither of its files is.
func load(dir string, now time.Time) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	certificate, missing := os.ReadFile(certificateFile(dir))
	key, absent := os.ReadFile(keyFile(dir))
	switch {
	case errors.Is(missing, fs.ErrNotExist) && errors.Is(absent, fs.ErrNotExist):
		return create(dir, now)
	case errors.Is(missing, fs.ErrNotExist):
		return nil, nil, errors.New("half written: ca.key is there without ca.pem" + startAnew)
	case errors.Is(absent, fs.ErrNotExist):
		return nil, nil, errors.New("half written: ca.pem is there without ca.key" + startAnew)
	case missing != nil:
		return nil, nil, missing
	case absent != nil:
		return nil, nil, absent
	}
	if info, err := os.Stat(keyFile(dir)); err != nil {
		return nil, nil, err
	} else if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, nil, fmt.Errorf("ca.key may be read by others (mode %04o); if none has, chmod it to 0600", mode)
	}
	return parse(certificate, key, now)
}

func parse(certificate, key []byte, now time.Time) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	block, _ := pem.Decode(certificate)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, nil, errors.New("ca.pem holds no certificate" + startAnew)
	}
	root, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, nil, fmt.Errorf("read ca.pem: %w%s", err, startAnew)
	}
	if block, _ = pem.Decode(key); block == nil || block.Type != "PRIVATE KEY" {
		return nil, nil, errors.New("ca.key holds no key" + startAnew)
	}
	any, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, nil, fmt.Errorf("read ca.key: %w%s", err, startAnew)
	}
	private, ok := any.(*ecdsa.PrivateKey)
	switch {
	case !ok || !private.PublicKey.Equal(root.PublicKey):
		return nil, nil, errors.New("ca.key is not the key of ca.pem" + startAnew)
	case !root.IsCA:
		return nil, nil, errors.New("ca.pem is not an authority's" + startAnew)
	case !now.Before(root.NotAfter):
		return nil, nil, fmt.Errorf("ca.pem ended on %s%s", root.NotAfter.Format(time.DateOnly), startAnew)
	}
	return root, private, nil
}

func create(dir string, now time.Time) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("make a key: %w", err)
	}
	der, err := newRoot(key, now)
	if err != nil {
		return nil, nil, fmt.Errorf("sign the root: %w", err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, fmt.Errorf("encode the key: %w", err)
	}
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	private := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, nil, err
	}
	// The key goes first: nobody may come to trust a certificate whose key was lost.
	if err := write(keyFile(dir), private, 0o600); err != nil {
		return nil, nil, err
	}
	if err := write(certificateFile(dir), certificate, 0o644); err != nil {
		return nil, nil, err
	}
	return parse(certificate, private, now)
}

// write makes a file appear whole or not at all, even over a power cut.
func write(path string, data []byte, mode fs.FileMode) error {
	next := path + ".new"
	if err := os.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(next, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(next))
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
