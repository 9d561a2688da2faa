package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

const (
	starts   = 7
	settling = time.Second // from the first answer to what we call idle
)

// measureStart starts Cloister and an empty Go HTTPS server in turn; the first start makes the CA,
// the credentials and the images and stands apart. The server runs on after it.
func (r *run) measureStart(ctx context.Context) error {
	first, err := r.daemon.start(ctx)
	if err != nil {
		return err
	}
	var ours, theirs []time.Duration
	var ourMemory, theirMemory []float64
	for i := range starts {
		r.daemon.stop()
		took, memory, err := r.startPeer(ctx)
		if err != nil {
			return fmt.Errorf("peer: %w", err)
		}
		theirs, theirMemory = append(theirs, took), append(theirMemory, memory)
		if took, err = r.daemon.start(ctx); err != nil {
			return err
		}
		if i == 0 || i == starts-1 {
			time.Sleep(settling)
		}
		if memory, err = resident(r.daemon.cmd.Process.Pid); err != nil {
			return err
		}
		ours, ourMemory = append(ours, took), append(ourMemory, memory)
	}
	r.table.add("start to ready", spread(ours), "< 300 ms", "empty Go HTTPS server "+ms(median(theirs)), times(median(ours), median(theirs)), new(median(ours) < 300*time.Millisecond))
	r.table.add("first start ever (CA, keys, images)", ms(first), "", "", "", nil)
	idle, empty := ourMemory[starts-1], median(theirMemory)
	r.table.add("resident at idle", fmt.Sprintf("%.1f MB", idle), "< 80 MB", fmt.Sprintf("empty Go HTTPS server %.1f MB", empty), times(idle, empty), new(idle < 80))
	return nil
}

func (r *run) startPeer(ctx context.Context) (time.Duration, float64, error) {
	cmd := exec.Command(r.self, "peer", "127.0.0.1:18644", r.work)
	took, err := ready(ctx, cmd, "127.0.0.1:18644")
	defer stop(cmd)
	if err != nil {
		return 0, 0, err
	}
	memory, err := resident(cmd.Process.Pid)
	return took, memory, err
}

// peer is an empty HTTPS server of the standard library, with a key that is there already.
func peer(ctx context.Context, args []string) error {
	certificate, key := certificateFiles(args[1])
	if err := makeCertificate(args[1]); err != nil {
		return err
	}
	s := http.Server{Addr: args[0], Handler: http.NotFoundHandler(), ReadHeaderTimeout: time.Second}
	defer context.AfterFunc(ctx, func() { s.Close() })() //nolint:errcheck // it ends with the process
	if err := s.ListenAndServeTLS(certificate, key); ctx.Err() == nil {
		return err
	}
	return nil
}

func certificateFiles(dir string) (certificate, key string) {
	return filepath.Join(dir, "peer.pem"), filepath.Join(dir, "peer.key")
}

// makeCertificate makes a P-256 key and a certificate like Cloister's, unless they are there.
func makeCertificate(dir string) error {
	certificate, keyFile := certificateFiles(dir)
	if _, err := os.Stat(keyFile); err == nil {
		return nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	t := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := os.WriteFile(certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		return err
	}
	_, err = tls.X509KeyPair(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}))
	if err != nil {
		return err
	}
	return os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600)
}
