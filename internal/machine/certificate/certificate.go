// Package certificate is Cloister's private certificate authority: it is made at first start in a
// directory, kept there, and issues a server certificate for each name a client asks for.
//
// It promises that a name is served only if the caller's predicate accepts it, that a half-written
// authority is never used, that strict verifiers (OpenSSL's and Python's) accept what it issues, and
// that all doors share one TLS configuration, so that a session begun at one resumes at any. It knows
// no endpoint, no DNS and no service; it reads no clock but the one it is given.
package certificate

import (
	"container/list"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/netip"
	"sync"
	"time"
)

// Config is what an authority needs to be told.
type Config struct {
	// Accept tells whether a certificate may be issued for a name, which is in lower case and without
	// a trailing dot. It must be safe for concurrent use and quick: it is asked in every handshake.
	Accept func(name string) bool
	// Default are the names and IP addresses in the certificate for clients that name no server.
	// 127.0.0.1 is always among them.
	Default []string
	// Now is the clock.
	Now func() time.Time
	// Remember is how many certificates are kept ready; 0 means 1024.
	Remember int
}

// Authority issues certificates. It is safe for concurrent use.
type Authority struct {
	config Config
	file   string
	root   *x509.Certificate
	key    *ecdsa.PrivateKey
	// leaf is the one key of all server certificates; it lives as long as the process.
	leaf *ecdsa.PrivateKey
	tls  *tls.Config

	mu     sync.Mutex
	byName map[string]*list.Element
	recent *list.List // of *issued, front is the newest
}

// issued is one certificate, or why there is none.
type issued struct {
	name  string
	once  sync.Once
	leaf  *tls.Certificate
	renew time.Time
	err   error
}

// Open loads the authority kept in a directory, or makes one there if there is none.
func Open(dir string, c Config) (*Authority, error) {
	for _, n := range c.Default {
		if _, err := netip.ParseAddr(n); err != nil && !wellFormed(normal(n)) {
			return nil, fmt.Errorf("%q is neither a name nor an address", n)
		}
	}
	root, key, err := load(dir, c.Now())
	if err != nil {
		return nil, fmt.Errorf("certificate authority in %s: %w", dir, err)
	}
	leaf, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a server key: %w", err)
	}
	if c.Remember <= 0 {
		c.Remember = 1024
	}
	a := &Authority{
		config: c, file: certificateFile(dir), root: root, key: key, leaf: leaf,
		byName: map[string]*list.Element{}, recent: list.New(),
	}
	a.tls = a.configure()
	return a, nil
}

// File is where the authority's certificate lies, for clients to trust (AWS_CA_BUNDLE).
func (a *Authority) File() string { return a.file }

// Pool holds the authority's certificate, for clients in this process.
func (a *Authority) Pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.root)
	return p
}

// TLSConfig is the server side of every door. It is the same each time and must not be changed.
func (a *Authority) TLSConfig() *tls.Config { return a.tls }

func (a *Authority) configure() *tls.Config {
	// Servers clone what they are given, and each clone would make ticket keys of its own; this one
	// configuration keeps and rotates them for all.
	tickets := &tls.Config{}
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		// For TLS 1.2; all of TLS 1.3's are of this kind.
		CipherSuites: []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
		},
		NextProtos:     []string{"http/1.1"},
		GetCertificate: a.choose,
		WrapSession:    tickets.EncryptTicket,
		UnwrapSession:  tickets.DecryptTicket,
		Time:           a.config.Now,
	}
}

// choose answers nil for a name that is not accepted: TLS then sends the alert "unrecognized name".
func (a *Authority) choose(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	name := normal(hello.ServerName)
	if name != "" && (!wellFormed(name) || !a.config.Accept(name)) {
		return nil, nil
	}
	now := a.config.Now()
	i := a.slot(name, now)
	i.once.Do(func() { a.issue(i, now) })
	return i.leaf, i.err
}

// slot is the place of a name's certificate; the first who comes fills it.
func (a *Authority) slot(name string, now time.Time) *issued {
	a.mu.Lock()
	defer a.mu.Unlock()
	if e, ok := a.byName[name]; ok {
		a.recent.MoveToFront(e)
		i := e.Value.(*issued)
		if i.renew.IsZero() || now.Before(i.renew) {
			return i
		}
		a.recent.Remove(e)
	}
	i := &issued{name: name, renew: a.renewal(now)}
	a.byName[name] = a.recent.PushFront(i)
	if a.recent.Len() > a.config.Remember {
		delete(a.byName, a.recent.Remove(a.recent.Back()).(*issued).name)
	}
	return i
}
