package issuer_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"cloister/internal/machine/issuer"
)

// house is an issuer for tests: its keys and its manners can be changed.
type house struct {
	*httptest.Server
	mu    sync.Mutex
	keys  []jose.JSONWebKey
	about func() (status int, body any)
	asked atomic.Int32
}

func start(t *testing.T) *house {
	h := &house{}
	h.about = func() (int, any) { return 200, map[string]string{"issuer": h.URL, "jwks_uri": h.URL + "/keys"} }
	h.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		defer h.mu.Unlock()
		status, body := 200, any(jose.JSONWebKeySet{Keys: h.keys})
		if strings.HasSuffix(r.URL.Path, "openid-configuration") {
			h.asked.Add(1)
			status, body = h.about()
		}
		if to, ok := body.(http.Header); ok {
			w.Header().Set("Location", to.Get("Location"))
			body = nil
		}
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(body) //nolint:errcheck // the client is the test
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *house) roots() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(h.Certificate())
	return p
}

// key makes a key and publishes it.
func (h *house) key(t *testing.T, id string) *ecdsa.PrivateKey {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.keys = append(h.keys, jose.JSONWebKey{Key: k.Public(), KeyID: id, Algorithm: "ES256", Use: "sig"})
	return k
}

func sign(t *testing.T, alg jose.SignatureAlgorithm, key any, id string, claims ...any) string {
	t.Helper()
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", id))
	if err != nil {
		t.Fatal(err)
	}
	b := jwt.Signed(s)
	for _, c := range claims {
		b = b.Claims(c)
	}
	text, err := b.Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

var now = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func (h *house) claims() jwt.Claims {
	return jwt.Claims{Issuer: h.URL, Subject: "ann", Audience: jwt.Audience{"app"}, IssuedAt: jwt.NewNumericDate(now.Add(-time.Minute)), Expiry: jwt.NewNumericDate(now.Add(time.Hour))}
}

func open(t *testing.T, h *house, clock func() time.Time) *issuer.Set {
	t.Helper()
	s, err := issuer.New(clock, issuer.Config{URL: h.URL, Roots: h.roots()})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func still() time.Time { return now }

func TestATokenOfTheIssuerIsVerified(t *testing.T) {
	h := start(t)
	key, s := h.key(t, "one"), open(t, h, still)
	more := map[string]any{
		"azp": "party", "amr": []string{"a", "b"}, "https://aws.amazon.com/source_identity": "ann",
		"https://aws.amazon.com/tags": map[string]any{"principal_tags": map[string][]string{"team": {"red"}}, "transitive_tag_keys": []string{"team"}},
	}
	for range 3 {
		got, err := s.Verify(t.Context(), sign(t, jose.ES256, key, "one", h.claims(), more))
		if err != nil || got.Subject != "ann" || got.Issuer != h.URL || len(got.Audience) != 1 || got.Audience[0] != "party" || got.Tags["team"] != "red" ||
			len(got.Transitive) != 1 || got.SourceIdentity != "ann" || len(got.Methods) != 2 {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	if n := h.asked.Load(); n != 1 {
		t.Errorf("the keys were fetched %d times", n)
	}
}

func TestWhatIsNoGoodToken(t *testing.T) {
	h := start(t)
	key, s := h.key(t, "one"), open(t, h, still)
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	with := func(change func(*jwt.Claims)) string {
		c := h.claims()
		change(&c)
		return sign(t, jose.ES256, key, "one", c)
	}
	good := with(func(*jwt.Claims) {})
	for name, c := range map[string]struct {
		token string
		want  error
	}{
		"nothing":       {"", issuer.ErrNotToken},
		"text":          {"a.b.c", issuer.ErrNotToken},
		"no algorithm":  {"eyJhbGciOiJub25lIn0." + strings.Split(good, ".")[1] + ".", issuer.ErrNotToken},
		"a shared key":  {sign(t, jose.HS256, []byte(strings.Repeat("k", 32)), "one", h.claims()), issuer.ErrNotToken},
		"cut":           {good[:len(good)-8], issuer.ErrSignature},
		"a stranger's":  {sign(t, jose.ES256, stranger, "one", h.claims()), issuer.ErrSignature},
		"of no key":     {sign(t, jose.ES256, key, "two", h.claims()), issuer.ErrSignature},
		"expired":       {with(func(c *jwt.Claims) { c.Expiry = jwt.NewNumericDate(now) }), issuer.ErrExpired},
		"not yet":       {with(func(c *jwt.Claims) { c.NotBefore = jwt.NewNumericDate(now.Add(time.Hour)) }), issuer.ErrEarly},
		"of tomorrow":   {with(func(c *jwt.Claims) { c.IssuedAt = jwt.NewNumericDate(now.Add(time.Hour)) }), issuer.ErrEarly},
		"for ever":      {with(func(c *jwt.Claims) { c.Expiry = nil }), issuer.ErrNotToken},
		"undated":       {with(func(c *jwt.Claims) { c.IssuedAt = nil }), issuer.ErrNotToken},
		"nobody's":      {with(func(c *jwt.Claims) { c.Subject = "" }), issuer.ErrNotToken},
		"for nobody":    {with(func(c *jwt.Claims) { c.Audience = nil }), issuer.ErrNotToken},
		"no issuer's":   {with(func(c *jwt.Claims) { c.Issuer = "" }), issuer.ErrNotToken},
		"another's":     {with(func(c *jwt.Claims) { c.Issuer = "https://other.example" }), issuer.ErrUnknown},
		"two values":    {sign(t, jose.ES256, key, "one", h.claims(), map[string]any{"https://aws.amazon.com/tags": map[string]any{"principal_tags": map[string][]string{"a": {"1", "2"}}}}), issuer.ErrNotToken},
		"a tag twice":   {sign(t, jose.ES256, key, "one", h.claims(), map[string]any{"https://aws.amazon.com/tags": map[string]any{"principal_tags": map[string][]string{"a": {"1"}, "A": {"2"}}}}), issuer.ErrNotToken},
		"another shape": {sign(t, jose.ES256, key, "one", h.claims(), map[string]any{"amr": "x"}), issuer.ErrNotToken},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := s.Verify(t.Context(), c.token); !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
	if _, err := (*issuer.Set)(nil).Verify(t.Context(), good); !errors.Is(err, issuer.ErrUnknown) {
		t.Errorf("no set at all: %v", err)
	}
}

func TestKeysAreFetchedAnewForAKeyThatIsNew(t *testing.T) {
	h := start(t)
	at := now
	h.key(t, "one")
	s := open(t, h, func() time.Time { return at })
	old := h.key(t, "two")
	if _, err := s.Verify(t.Context(), sign(t, jose.ES256, old, "two", h.claims())); err != nil {
		t.Fatal(err)
	}
	young := h.key(t, "three")
	token := sign(t, jose.ES256, young, "three", h.claims())
	for range 5 { // not each stranger's token is a fetch
		if _, err := s.Verify(t.Context(), token); !errors.Is(err, issuer.ErrSignature) {
			t.Fatal(err)
		}
	}
	at = at.Add(time.Minute)
	if _, err := s.Verify(t.Context(), token); err != nil || h.asked.Load() != 2 {
		t.Errorf("%v after %d fetches", err, h.asked.Load())
	}
	h.mu.Lock()
	h.keys = nil // what is withdrawn is good for an hour at most
	h.mu.Unlock()
	at = at.Add(2 * time.Minute)
	if _, err := s.Verify(t.Context(), token); err != nil {
		t.Errorf("withdrawn a minute ago: %v", err)
	}
	c := h.claims()
	c.Expiry = jwt.NewNumericDate(now.Add(24 * time.Hour))
	at = at.Add(time.Hour)
	if _, err := s.Verify(t.Context(), sign(t, jose.ES256, young, "three", c)); !errors.Is(err, issuer.ErrSignature) {
		t.Errorf("withdrawn an hour ago: %v", err)
	}
}

func TestIssuersThatMisbehave(t *testing.T) {
	for name, about := range map[string]func(*house) (int, any){
		"absent": func(*house) (int, any) { return 404, nil },
		"somebody else": func(h *house) (int, any) {
			return 200, map[string]string{"issuer": "https://x", "jwks_uri": h.URL + "/keys"}
		},
		"plain": func(h *house) (int, any) {
			return 200, map[string]string{"issuer": h.URL, "jwks_uri": "http://127.0.0.1/keys"}
		},
		"elsewhere": func(h *house) (int, any) { return 302, http.Header{"Location": {h.URL + "/other"}} },
		"endless":   func(h *house) (int, any) { return 200, strings.Repeat("x", 1<<20) },
		"no JSON":   func(*house) (int, any) { return 200, 7 },
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t)
			key, s := h.key(t, "one"), open(t, h, still)
			h.about = func() (int, any) { return about(h) }
			for range 2 {
				if _, err := s.Verify(t.Context(), sign(t, jose.ES256, key, "one", h.claims())); !errors.Is(err, issuer.ErrUnreachable) {
					t.Errorf("%v", err)
				}
			}
			if n := h.asked.Load(); n > 2 {
				t.Errorf("asked %d times", n)
			}
		})
	}
	h := start(t)
	s, err := issuer.New(still, issuer.Config{URL: h.URL}) // whose certificate nobody vouches for
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Verify(t.Context(), sign(t, jose.ES256, h.key(t, "one"), "one", h.claims())); !errors.Is(err, issuer.ErrUnreachable) {
		t.Errorf("%v", err)
	}
	for _, url := range []string{"http://x.example", "https://", "https://x.example?a=b", "https://u@x.example", "::"} {
		if _, err := issuer.New(still, issuer.Config{URL: url}); err == nil {
			t.Errorf("%s is an issuer", url)
		}
	}
}
