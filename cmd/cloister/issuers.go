package main

import (
	"crypto/x509"
	"fmt"
	"os"
	"time"

	"cloister/internal/machine/issuer"
)

// oidcIssuer is a line of oidc_issuers.
type oidcIssuer struct {
	URL string `yaml:"url"`
	CA  string `yaml:"ca"`
}

// issuers reads OIDCIssuers.
func (c config) issuers() (*issuer.Set, error) {
	var all []issuer.Config
	for _, i := range c.OIDCIssuers {
		one := issuer.Config{URL: i.URL}
		if i.CA != "" {
			text, err := os.ReadFile(i.CA)
			if err != nil {
				return nil, err
			}
			one.Roots = x509.NewCertPool()
			if !one.Roots.AppendCertsFromPEM(text) {
				return nil, fmt.Errorf("%s holds no certificate", i.CA)
			}
		}
		all = append(all, one)
	}
	return issuer.New(time.Now, all...)
}
