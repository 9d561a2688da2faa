package certificate_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloister/internal/machine/certificate"
)

const endpoint = "runtime.sagemaker.us-east-1.amazonaws.com"

func amazon(name string) bool { return strings.HasSuffix(name, ".amazonaws.com") }

func open(t testing.TB, dir string) *certificate.Authority {
	t.Helper()
	a, err := certificate.Open(dir, certificate.Config{Accept: amazon, Default: []string{"localhost", "::1"}, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// serve answers every connection with one byte until the test ends.
func serve(t testing.TB, c *tls.Config) string {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", c)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(10 * time.Second))
				if _, err := conn.Write([]byte("x")); err == nil {
					io.Copy(io.Discard, conn)
				}
			})
		}
	})
	t.Cleanup(func() { l.Close(); all.Wait() })
	return l.Addr().String()
}

// dial gives the state after the first byte, by when a session ticket has come, too.
func dial(addr string, c *tls.Config) (tls.ConnectionState, error) {
	conn, err := tls.Dial("tcp", addr, c)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer conn.Close()
	_, err = conn.Read(make([]byte, 1))
	return conn.ConnectionState(), err
}

func TestServes(t *testing.T) {
	a := open(t, t.TempDir())
	addr := serve(t, a.TLSConfig())
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		s, err := dial(addr, &tls.Config{RootCAs: a.Pool(), ServerName: endpoint, MinVersion: version, MaxVersion: version, NextProtos: []string{"h2", "http/1.1"}})
		if err != nil {
			t.Fatal(err)
		}
		leaf := s.PeerCertificates[0]
		if len(s.PeerCertificates) != 1 || len(leaf.DNSNames) != 1 || leaf.DNSNames[0] != endpoint || s.NegotiatedProtocol != "http/1.1" {
			t.Errorf("%d certificates, names %v, protocol %q", len(s.PeerCertificates), leaf.DNSNames, s.NegotiatedProtocol)
		}
	}
	if _, err := dial(addr, &tls.Config{RootCAs: a.Pool(), ServerName: "RUNTIME.sagemaker.us-east-1.amazonaws.com"}); err != nil {
		t.Errorf("capitals: %v", err)
	}
	// An address is no server name, so these get the default certificate.
	for _, name := range []string{"127.0.0.1", "::1"} {
		s, err := dial(addr, &tls.Config{RootCAs: a.Pool(), ServerName: name})
		if err != nil || s.PeerCertificates[0].DNSNames[0] != "localhost" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRefuses(t *testing.T) {
	a := open(t, t.TempDir())
	addr := serve(t, a.TLSConfig())
	pool := a.Pool()
	for name, c := range map[string]struct {
		config *tls.Config
		says   string
	}{
		"a name not accepted":     {&tls.Config{RootCAs: pool, ServerName: "example.com"}, "unrecognized name"},
		"a wildcard":              {&tls.Config{RootCAs: pool, ServerName: "*.amazonaws.com"}, "unrecognized name"},
		"a broken name":           {&tls.Config{RootCAs: pool, ServerName: "a..amazonaws.com"}, "unrecognized name"},
		"a name too long":         {&tls.Config{RootCAs: pool, ServerName: strings.Repeat("a.", 130) + "amazonaws.com"}, "unrecognized name"},
		"without our root":        {&tls.Config{RootCAs: x509.NewCertPool(), ServerName: endpoint}, "unknown authority"},
		"TLS 1.1":                 {&tls.Config{RootCAs: pool, ServerName: endpoint, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, "protocol version"},
		"no forward secrecy":      {&tls.Config{RootCAs: pool, ServerName: endpoint, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}}, "handshake failure"},
		"no authenticated cipher": {&tls.Config{RootCAs: pool, ServerName: endpoint, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}}, "handshake failure"},
		"HTTP/2 only":             {&tls.Config{RootCAs: pool, ServerName: endpoint, NextProtos: []string{"h2"}}, "no application protocol"},
	} {
		if _, err := dial(addr, c.config); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSessionsResumeAtAnyDoor uses clones, as http.Server does.
func TestSessionsResumeAtAnyDoor(t *testing.T) {
	a := open(t, t.TempDir())
	one, other := serve(t, a.TLSConfig().Clone()), serve(t, a.TLSConfig().Clone())
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		c := &tls.Config{RootCAs: a.Pool(), ServerName: endpoint, MaxVersion: version, ClientSessionCache: tls.NewLRUClientSessionCache(4)}
		first, err := dial(one, c)
		if err != nil || first.DidResume {
			t.Fatal(err, first.DidResume)
		}
		if second, err := dial(other, c); err != nil || !second.DidResume {
			t.Errorf("version %x: resumed %v, %v", version, second.DidResume, err)
		}
	}
}

func TestStays(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "ca")
	a := open(t, dir)
	for name, mode := range map[string]os.FileMode{"ca.pem": 0o644, "ca.key": 0o600} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode() != mode {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) != 2 {
		t.Errorf("left %v", left)
	}
	before, _ := os.ReadFile(a.File())
	again := open(t, dir)
	after, err := os.ReadFile(again.File())
	if err != nil || string(before) != string(after) {
		t.Fatal("another authority at the second start")
	}
	addr := serve(t, again.TLSConfig())
	if _, err := dial(addr, &tls.Config{RootCAs: a.Pool(), ServerName: endpoint}); err != nil {
		t.Errorf("who trusted the first does not trust the second: %v", err)
	}
}

func TestRefusesHalfAnAuthority(t *testing.T) {
	good := t.TempDir()
	open(t, good)
	pem, _ := os.ReadFile(filepath.Join(good, "ca.pem"))
	key, _ := os.ReadFile(filepath.Join(good, "ca.key"))
	other := t.TempDir()
	open(t, other)
	foreign, _ := os.ReadFile(filepath.Join(other, "ca.key"))
	leaf := notAnAuthority(t, key)
	for name, c := range map[string]struct {
		pem, key string
		mode     os.FileMode
		now      time.Duration
		says     string
	}{
		"no certificate":        {"", string(key), 0o600, 0, "half written: ca.key is there without ca.pem; remove"},
		"no key":                {string(pem), "", 0o600, 0, "half written: ca.pem is there without ca.key; remove"},
		"certificate cut":       {string(pem[:len(pem)/2]), string(key), 0o600, 0, "ca.pem holds no certificate"},
		"certificate altered":   {strings.Replace(string(pem), "MII", "MIA", 1), string(key), 0o600, 0, "read ca.pem"},
		"key cut":               {string(pem), string(key[:len(key)/2]), 0o600, 0, "ca.key holds no key"},
		"key altered":           {string(pem), strings.Replace(string(key), "\nM", "\nN", 1), 0o600, 0, "read ca.key"},
		"key of another":        {string(pem), string(foreign), 0o600, 0, "ca.key is not the key of ca.pem"},
		"key for all":           {string(pem), string(key), 0o644, 0, "ca.key may be read by others (mode 0644)"},
		"over":                  {string(pem), string(key), 0o600, 11 * 365 * 24 * time.Hour, "ca.pem ended on"},
		"not of an authority":   {string(leaf), string(key), 0o600, 0, "ca.pem is not an authority's"},
		"key where pem belongs": {string(key), string(key), 0o600, 0, "ca.pem holds no certificate"},
	} {
		dir := t.TempDir()
		for file, text := range map[string]string{"ca.pem": c.pem, "ca.key": c.key} {
			if text != "" {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), c.mode); err != nil {
					t.Fatal(err)
				}
			}
		}
		_, err := certificate.Open(dir, certificate.Config{Accept: amazon, Now: func() time.Time { return time.Now().Add(c.now) }})
		if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(filepath.Join(dir, "ca.pem")); c.pem == "" && err == nil {
			t.Errorf("%s: made a new one", name)
		}
	}
}

// TestSurvivesACutWrite leaves what a power cut leaves before the rename.
func TestSurvivesACutWrite(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"ca.pem.new", "ca.key.new"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("half"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	open(t, dir)
	if left, _ := os.ReadDir(dir); len(left) != 2 {
		t.Errorf("left %v", left)
	}
}

func TestCannotWrite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	os.WriteFile(file, nil, 0o600)
	if _, err := certificate.Open(file, certificate.Config{Accept: amazon, Now: time.Now}); err == nil {
		t.Error("an authority in a file")
	}
	for _, name := range []string{"ca.pem", "ca.key", "ca.pem.new/x", "ca.key.new/x"} {
		dir := t.TempDir()
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		if _, err := certificate.Open(dir, certificate.Config{Accept: amazon, Now: time.Now}); err == nil {
			t.Errorf("%s is a directory and all is well", name)
		}
	}
	if _, err := certificate.Open(t.TempDir(), certificate.Config{Accept: amazon, Now: time.Now, Default: []string{"grüß"}}); err == nil {
		t.Error("a default name that no certificate can hold")
	}
}

// TestRenewsAndForgets watches serial numbers while time passes and names come.
func TestRenewsAndForgets(t *testing.T) {
	start := time.Now()
	var passed atomic.Int64
	now := func() time.Time { return start.Add(time.Duration(passed.Load())) }
	a, err := certificate.Open(t.TempDir(), certificate.Config{Accept: amazon, Now: now, Remember: 2})
	if err != nil {
		t.Fatal(err)
	}
	leaf := func(name string) *x509.Certificate {
		c, err := a.TLSConfig().GetCertificate(&tls.ClientHelloInfo{ServerName: name})
		if err != nil || c == nil {
			t.Fatal(c, err)
		}
		if _, err := c.Leaf.Verify(x509.VerifyOptions{Roots: a.Pool(), DNSName: strings.TrimSuffix(name, "."), CurrentTime: now()}); err != nil {
			t.Error(err)
		}
		return c.Leaf
	}
	first := leaf("a.amazonaws.com")
	if leaf("a.amazonaws.com.") != first {
		t.Error("issued twice")
	}
	passed.Store(int64(59 * 24 * time.Hour))
	if leaf("a.amazonaws.com") != first {
		t.Error("issued again too early")
	}
	passed.Store(int64(61 * 24 * time.Hour))
	second := leaf("a.amazonaws.com")
	if second == first {
		t.Error("not renewed")
	}
	leaf("b.amazonaws.com")
	leaf("a.amazonaws.com")
	leaf("c.amazonaws.com") // b is the oldest now
	if leaf("a.amazonaws.com") != second {
		t.Error("the one used last was forgotten")
	}
	passed.Store(int64((10*365 - 1) * 24 * time.Hour))
	if last := leaf("a.amazonaws.com"); last.NotAfter.Sub(now()) > 25*time.Hour {
		t.Errorf("outlives its authority: %v", last.NotAfter)
	}
}

func TestManyAtOnce(t *testing.T) {
	a, err := certificate.Open(t.TempDir(), certificate.Config{Accept: amazon, Now: time.Now, Remember: 3})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 20 {
				name := fmt.Sprintf("n%d.amazonaws.com", (i+j)%5)
				c, err := a.TLSConfig().GetCertificate(&tls.ClientHelloInfo{ServerName: name})
				if err != nil || c == nil || c.Leaf.VerifyHostname(name) != nil {
					t.Error(name, err)
				}
			}
		})
	}
	all.Wait()
}

// TestStrictClients asks the verifiers that our customers' clients use.
func TestStrictClients(t *testing.T) {
	a := open(t, t.TempDir())
	host, port, _ := net.SplitHostPort(serve(t, a.TLSConfig()))
	long := strings.Repeat("bucket-name-", 5) + "." + "s3.us-east-1.amazonaws.com" // too long for a common name
	const script = `
import socket, ssl, sys
ca, host, port, name = sys.argv[1:]
c = ssl.create_default_context(cafile=ca)
c.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
c.set_alpn_protocols(["http/1.1"])
with c.wrap_socket(socket.create_connection((host, int(port)), 10), server_hostname=name) as s:
    print(s.version(), s.selected_alpn_protocol(), s.read(1))
`
	for _, name := range []string{endpoint, "127.0.0.1", long} {
		t.Run("python "+name, func(t *testing.T) {
			python := need(t, "python3")
			out, err := exec.Command(python, "-c", script, a.File(), host, port, name).CombinedOutput()
			if err != nil || !strings.Contains(string(out), "TLSv1.3 http/1.1 b'x'") {
				t.Errorf("%v: %s", err, out)
			}
		})
		t.Run("openssl "+name, func(t *testing.T) {
			openssl := need(t, "openssl")
			args := []string{"s_client", "-connect", net.JoinHostPort(host, port), "-CAfile", a.File(), "-no-CApath", "-no-CAstore",
				"-x509_strict", "-verify_return_error", "-check_ss_sig", "-purpose", "sslserver", "-tls1_2"}
			if name == "127.0.0.1" {
				args = append(args, "-noservername", "-verify_ip", name)
			} else {
				args = append(args, "-servername", name, "-verify_hostname", name)
			}
			out, err := exec.Command(openssl, args...).CombinedOutput()
			if err != nil || !strings.Contains(string(out), "Verify return code: 0 (ok)") {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	t.Run("python refuses another name", func(t *testing.T) {
		out, err := exec.Command(need(t, "python3"), "-c", script, a.File(), host, port, "example.com").CombinedOutput()
		if _, failed := errors.AsType[*exec.ExitError](err); !failed || !strings.Contains(string(out), "UNRECOGNIZED_NAME") {
			t.Errorf("%v: %s", err, out)
		}
	})
}

func need(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Skipf("needs %s to ask its verifier", program)
	}
	return path
}

func BenchmarkChoose(b *testing.B) {
	a := open(b, b.TempDir())
	hello := &tls.ClientHelloInfo{ServerName: endpoint}
	b.ReportAllocs()
	for b.Loop() {
		if c, err := a.TLSConfig().GetCertificate(hello); c == nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkIssue(b *testing.B) {
	a := open(b, b.TempDir())
	i := 0
	for b.Loop() {
		i++
		if c, err := a.TLSConfig().GetCertificate(&tls.ClientHelloInfo{ServerName: fmt.Sprintf("n%d.amazonaws.com", i)}); c == nil {
			b.Fatal(err)
		}
	}
}
