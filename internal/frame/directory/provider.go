package directory

// Provider is an OpenID Connect provider whose tokens roles of an account may trust.
type Provider struct {
	ARN, Account string
	URL          string // as in the ARN: without https://
	ClientIDs    []string
}

// SetProvider puts or replaces a provider, by ARN. The value must not be changed after.
func (d *Directory) SetProvider(p *Provider) { set(d, d.provider, p.ARN, p) }

// RemoveProvider makes a provider unknown: its tokens are good for nothing from then on.
func (d *Directory) RemoveProvider(arn string) { remove(d, d.provider, arn) }

// ProviderOf gives the provider of an account for an issuer, named without https://, or nil.
func (d *Directory) ProviderOf(account, issuer string) *Provider {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.provider["arn:aws:iam::"+account+":oidc-provider/"+issuer]
}
