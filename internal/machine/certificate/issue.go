package certificate

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net/netip"
	"strings"
	"time"
)

const (
	rootLife = 10 * 365 * 24 * time.Hour
	leafLife = 90 * 24 * time.Hour
	// early is how far back validity begins, for clients whose clocks lag.
	early = time.Hour
)

func newRoot(key *ecdsa.PrivateKey, now time.Time) ([]byte, error) {
	t, err := template(&key.PublicKey, now, rootLife)
	if err != nil {
		return nil, err
	}
	t.Subject = pkix.Name{Organization: []string{"Cloister"}, CommonName: "Cloister private CA " + t.SerialNumber.Text(16)[:8]}
	t.BasicConstraintsValid, t.IsCA, t.MaxPathLenZero = true, true, true
	t.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	return x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
}

// template is what both kinds of certificate have: a serial number, a time, and the key's identifier,
// which strict verifiers want to see.
func template(key *ecdsa.PublicKey, now time.Time, life time.Duration) (*x509.Certificate, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode a public key: %w", err)
	}
	id := sha256.Sum256(der)
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 126))
	if err != nil {
		return nil, fmt.Errorf("choose a serial number: %w", err)
	}
	// The top bit makes all serial numbers of one length, and none zero.
	serial.SetBit(serial, 126, 1)
	return &x509.Certificate{
		SerialNumber: serial, SubjectKeyId: id[:20],
		NotBefore: now.Add(-early).UTC(), NotAfter: now.Add(life).UTC(),
	}, nil
}

// renewal is when a certificate issued now is replaced: well before its end.
func (a *Authority) renewal(now time.Time) time.Time {
	return now.Add(a.leafEnd(now).Sub(now) * 2 / 3)
}

func (a *Authority) leafEnd(now time.Time) time.Time {
	if end := now.Add(leafLife); end.Before(a.root.NotAfter) {
		return end
	}
	return a.root.NotAfter
}

func (a *Authority) issue(i *issued, now time.Time) {
	names := []string{i.name}
	if i.name == "" {
		names = append([]string{"127.0.0.1"}, a.config.Default...)
	}
	der, err := a.sign(names, now)
	if err != nil {
		i.err = fmt.Errorf("issue a certificate for %q: %w", i.name, err)
		return
	}
	// The root is not sent: who trusts it has it.
	i.leaf = &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: a.leaf}
	i.leaf.Leaf, i.err = x509.ParseCertificate(der)
}

func (a *Authority) sign(names []string, now time.Time) ([]byte, error) {
	t, err := template(&a.leaf.PublicKey, now, leafLife)
	if err != nil {
		return nil, err
	}
	t.NotAfter = a.leafEnd(now).UTC()
	t.Subject = pkix.Name{Organization: []string{"Cloister"}}
	if len(names[0]) <= 64 {
		t.Subject.CommonName = names[0]
	}
	t.BasicConstraintsValid = true
	t.KeyUsage = x509.KeyUsageDigitalSignature
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	for _, n := range names {
		if ip, err := netip.ParseAddr(n); err == nil {
			t.IPAddresses = append(t.IPAddresses, ip.AsSlice())
		} else {
			t.DNSNames = append(t.DNSNames, normal(n))
		}
	}
	return x509.CreateCertificate(rand.Reader, t, a.root, &a.leaf.PublicKey, a.key)
}

// normal is a name in lower case without its trailing dot.
func normal(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// wellFormed tells whether a name can stand in a certificate: a wildcard never may.
func wellFormed(name string) bool {
	if len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
		for _, c := range []byte(label) {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return false
			}
		}
	}
	return true
}
