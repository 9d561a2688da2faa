// Package issuer verifies the tokens of OpenID Connect issuers: it fetches their keys and checks signatures.
//
// It promises to speak only with issuers that the operator has configured, only over verified TLS, and never to
// wait or read without a limit; keys are kept, so that a token costs no fetch, and a key that is new is found.
// It knows no account, no role and no policy: what a token may be used for is not its matter.
package issuer

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// What is wrong with a token.
var (
	ErrNotToken    = errors.New("not a token")
	ErrUnknown     = errors.New("issuer is not configured")
	ErrUnreachable = errors.New("the issuer's keys cannot be fetched")
	ErrSignature   = errors.New("no key of the issuer made the signature")
	ErrExpired     = errors.New("expired")
	ErrEarly       = errors.New("not valid yet")
)

// algorithms are what AWS takes.
var algorithms = []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.ES256, jose.ES384, jose.ES512}

// leeway is what clocks may differ by.
const leeway = 5 * time.Minute

// Config is an issuer that tokens are accepted from.
type Config struct {
	// URL is the issuer as its tokens name it: https and no query.
	URL string
	// Roots verify its certificate; nil means those of this host.
	Roots *x509.CertPool
}

// Token is what a verified token says.
type Token struct {
	Issuer, Subject string
	Audience        []string // the authorized party alone, where one is named
	Methods         []string // amr
	Expires         time.Time
	Tags            map[string]string // principal tags
	Transitive      []string
	SourceIdentity  string
}

// Set is the configured issuers. It is safe for concurrent use.
type Set struct {
	clock  func() time.Time
	issuer map[string]*keys
}

// New makes the set. It fetches nothing.
func New(clock func() time.Time, configs ...Config) (*Set, error) {
	s := &Set{clock: clock, issuer: map[string]*keys{}}
	for _, c := range configs {
		u, err := url.Parse(c.URL)
		if err != nil || u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
			return nil, fmt.Errorf("issuer %q: not an https address without a query", c.URL)
		}
		s.issuer[c.URL] = newKeys(c.URL, &tls.Config{RootCAs: c.Roots, MinVersion: tls.VersionTLS12})
	}
	return s, nil
}

// claims are those that are looked at.
type claims struct {
	jwt.Claims
	Party   string   `json:"azp"`
	Methods []string `json:"amr"`
	Session struct {
		Tags       map[string][]string `json:"principal_tags"`
		Transitive []string            `json:"transitive_tag_keys"`
	} `json:"https://aws.amazon.com/tags"`
	SourceIdentity string `json:"https://aws.amazon.com/source_identity"`
}

// Issuer reads whose token it claims to be. Nothing is verified.
func Issuer(token string) (string, error) {
	t, err := jwt.ParseSigned(token, algorithms)
	if err != nil {
		return "", ErrNotToken
	}
	var c jwt.Claims
	if err := t.UnsafeClaimsWithoutVerification(&c); err != nil || c.Issuer == "" {
		return "", ErrNotToken
	}
	return c.Issuer, nil
}

// Verify gives what a token says if it is its issuer's and its time is now.
func (s *Set) Verify(ctx context.Context, token string) (*Token, error) {
	name, err := Issuer(token)
	if err != nil {
		return nil, err
	}
	if s == nil || s.issuer[name] == nil {
		return nil, ErrUnknown
	}
	t, err := jwt.ParseSigned(token, algorithms)
	if err != nil || len(t.Headers) != 1 {
		return nil, ErrNotToken
	}
	c, err := s.verified(ctx, s.issuer[name], t)
	if err != nil {
		return nil, err
	}
	if c.Issuer != name || c.Subject == "" || c.Expiry == nil || c.IssuedAt == nil || len(c.Audience) == 0 {
		return nil, ErrNotToken
	}
	out := &Token{Issuer: name, Subject: c.Subject, Audience: c.Audience, Methods: c.Methods, Expires: c.Expiry.Time(), SourceIdentity: c.SourceIdentity}
	if c.Party != "" {
		out.Audience = []string{c.Party}
	}
	now := s.clock()
	switch {
	case !now.Before(c.Expiry.Time()):
		return out, ErrExpired
	case c.NotBefore != nil && now.Add(leeway).Before(c.NotBefore.Time()), now.Add(leeway).Before(c.IssuedAt.Time()):
		return out, ErrEarly
	}
	return out, out.tag(c)
}

// verified tries the issuer's keys; if none fits, and it has not just been asked, its present ones.
func (s *Set) verified(ctx context.Context, k *keys, t *jwt.JSONWebToken) (*claims, error) {
	for _, again := range []bool{false, true} {
		set, err := k.get(ctx, s.clock(), again)
		if err != nil {
			return nil, err
		}
		for _, key := range fitting(set, t.Headers[0]) {
			if t.Claims(key.Key) != nil {
				continue
			}
			c := new(claims)
			if t.Claims(key.Key, c) != nil {
				return nil, ErrNotToken
			}
			return c, nil
		}
	}
	return nil, ErrSignature
}

// fitting are the keys that a token may be signed with: public ones, of its id where it names one.
func fitting(set *jose.JSONWebKeySet, h jose.Header) (out []jose.JSONWebKey) {
	for _, k := range set.Keys {
		if k.IsPublic() && k.Valid() && (k.Use == "" || k.Use == "sig") && (h.KeyID == "" || k.KeyID == h.KeyID) && (k.Algorithm == "" || k.Algorithm == h.Algorithm) {
			out = append(out, k)
		}
	}
	return out
}

// tag reads the session tags, each of which has one value.
func (t *Token) tag(c *claims) error {
	t.Transitive = c.Session.Transitive
	seen := map[string]bool{}
	for k, v := range c.Session.Tags {
		if folded := strings.ToLower(k); len(v) != 1 || seen[folded] {
			return ErrNotToken
		} else {
			seen[folded] = true
		}
		if t.Tags == nil {
			t.Tags = map[string]string{}
		}
		t.Tags[k] = v[0]
	}
	return nil
}
