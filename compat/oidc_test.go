package compat

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// oidc is an OpenID Connect issuer of ours: at port 443, as AWS wants it, of a loopback address of its own.
type oidc struct {
	url, host, ca string
	key           *ecdsa.PrivateKey
}

func newOIDC(t *testing.T) *oidc {
	t.Helper()
	needRoot(t)
	host := fmt.Sprintf("127.%d.%d.%d", 64+mathrand.IntN(64), mathrand.IntN(250), 1+mathrand.IntN(250))
	o := &oidc{url: "https://" + host, host: host}
	var err error
	if o.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.ParseIP(host)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, form, form, o.key.Public(), o.key)
	if err != nil {
		t.Fatal(err)
	}
	o.ca = filepath.Join(t.TempDir(), "issuer.pem")
	if err := os.WriteFile(o.ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644); err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", host+":443", &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: o.key}}})
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(o.answer), ReadHeaderTimeout: 10 * time.Second}
	go s.Serve(l) //nolint:errcheck // it ends with the test
	t.Cleanup(func() { s.Close() })
	return o
}

// answer tells where the keys are, and the key.
func (o *oidc) answer(w http.ResponseWriter, r *http.Request) {
	var body any = map[string]string{"issuer": o.url, "jwks_uri": o.url + "/keys"}
	if r.URL.Path == "/keys" {
		point, err := o.key.PublicKey.Bytes()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		body = map[string]any{"keys": []any{map[string]string{"kty": "EC", "crv": "P-256", "kid": "one", "use": "sig", "alg": "ES256", "x": raw(point[1:33]), "y": raw(point[33:])}}}
	}
	json.NewEncoder(w).Encode(body) //nolint:errcheck // the client is the server under test
}

func raw(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// token is signed by the issuer's key, or by another.
func (o *oidc) token(t *testing.T, claims map[string]any) string {
	t.Helper()
	all := map[string]any{"iss": o.url, "aud": "app", "sub": "repo:team/app", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix()}
	for k, v := range claims {
		all[k] = v
	}
	body, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	text := raw([]byte(`{"alg":"ES256","kid":"one","typ":"JWT"}`)) + "." + raw(body)
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, o.key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	sign := make([]byte, 64)
	r.FillBytes(sign[:32])
	s.FillBytes(sign[32:])
	return text + "." + raw(sign)
}
