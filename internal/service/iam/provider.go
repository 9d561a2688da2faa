package iam

import (
	"context"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
	"time"

	"cloister/internal/frame/api"
	"cloister/internal/frame/directory"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

// provider is an OpenID Connect provider whose tokens an account's roles may trust.
type provider struct {
	Account, ARN, URL      string // URL is without its scheme
	ClientIDs, Thumbprints []string
	Created                time.Time
	Tags                   []shape.Tag `json:",omitempty"`
}

// providers are keyed by account and ARN.
var providers = store.NewTable[provider]("iam_oidc_provider")

// The quotas of providers.
const (
	providersPerAccount = 100
	clientIDs           = 100
	thumbprints         = 5
)

func (p *provider) key() string { return store.Key(p.Account, p.ARN) }

// putProvider writes a provider and has the directory told when that is durable.
func (s *Service) putProvider(tx *store.Tx, p *provider) error {
	tx.After(func() { p.tell(s.Directory) })
	return providers.Put(tx, p.key(), p)
}

func (p *provider) tell(d *directory.Directory) {
	d.SetProvider(&directory.Provider{ARN: p.ARN, Account: p.Account, URL: p.URL, ClientIDs: slices.Clone(p.ClientIDs)})
	d.SetTags(p.ARN, tagsOf(p.Tags))
}

func (s *Service) loadProviders(tx *store.Tx) error {
	all, err := providers.All(tx, "")
	for _, p := range all {
		p.tell(s.Directory)
	}
	return err
}

// getProvider finds a provider of the caller's account.
func getProvider(tx *store.Tx, c *api.Call, arn string) (*provider, error) {
	p, err := providers.Get(tx, store.Key(c.Account(), arn))
	if err == nil && p == nil {
		err = noSuchEntity.New("OpenIDConnect Provider not found for arn %s", arn)
	}
	return p, err
}

// changeProvider runs f on a provider and keeps what it made of it.
func (s *Service) changeProvider(ctx context.Context, c *api.Call, arn string, f func(*provider) error) (*struct{}, error) {
	return new(struct{}), s.DB.Update(ctx, func(tx *store.Tx) error {
		p, err := getProvider(tx, c, arn)
		if err != nil {
			return err
		}
		if err := f(p); err != nil {
			return err
		}
		return s.putProvider(tx, p)
	})
}

// issuer is the part of a provider's URL that it is known by.
func issuer(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.Port() != "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", validation.New("Invalid Open ID Connect Provider URL")
	}
	return strings.ToLower(u.Host) + strings.TrimSuffix(u.Path, "/"), nil
}

// checked refuses lists that are too long, and thumbprints that are none.
func (p *provider) checked() error {
	if len(p.ClientIDs) > clientIDs {
		return limitExceeded.New("Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: %d", clientIDs)
	}
	if len(p.Thumbprints) > thumbprints {
		return invalidInput.New("Thumbprint list must contain fewer than %d entries.", thumbprints)
	}
	for _, t := range p.Thumbprints {
		if _, err := hex.DecodeString(t); err != nil {
			return invalidInput.New("Thumbprint must be 40 hexadecimal characters.")
		}
	}
	return nil
}
