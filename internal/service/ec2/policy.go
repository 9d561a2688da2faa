package ec2

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"cloister/internal/engine/policy"
	"cloister/internal/frame/directory"
	"cloister/internal/machine/store"
	"cloister/internal/value/arn"
)

// The policies of endpoints that were given none, letter by letter as AWS shows them.
const (
	interfaceDefaultPolicy = "{\n  \"Statement\": [\n    {\n      \"Action\": \"*\", \n      \"Effect\": \"Allow\", \n      \"Principal\": \"*\", \n      \"Resource\": \"*\"\n    }\n  ]\n}"
	gatewayDefaultPolicy   = `{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}`
)

// policyText is the policy in force on an endpoint.
func (e *endpoint) policyText() string {
	switch {
	case e.Policy != "":
		return e.Policy
	case e.Gateway:
		return gatewayDefaultPolicy
	}
	return interfaceDefaultPolicy
}

// shownPolicy is the policy as it is told: users and roles by the ARNs that they have now, by their ids when they are gone.
func (s *Service) shownPolicy(e *endpoint) string {
	d, err := policy.Parse(e.policyText())
	if err != nil || len(e.Principals) == 0 {
		return e.policyText()
	}
	return d.Renamed(func(arn string) string {
		if id, saved := e.Principals[arn]; saved {
			return s.Directory.Named(arn, id)
		}
		return arn
	})
}

// checkPolicy refuses what cannot be an endpoint's policy, and gives the unique ids of the users and roles that it
// names, who must exist.
func (s *Service) checkPolicy(text string) (map[string]string, error) {
	if n := utf8.RuneCountInString(text); n > s.Quotas.PolicyCharacters {
		return nil, invalidPolicy.New("The Policy Document is not valid. It has %d characters, more than the %d allowed.", n, s.Quotas.PolicyCharacters)
	}
	d, err := policy.Parse(text)
	if err == nil {
		err = d.Check(policy.Endpoint)
	}
	if err != nil {
		return nil, invalidPolicy.New("%s", policy.Told(policy.Endpoint, err))
	}
	ids := map[string]string{}
	for _, p := range d.Principals() {
		if p.Group != "AWS" || !strings.HasPrefix(p.Text, "arn:aws:iam::") || strings.HasSuffix(p.Text, ":root") {
			continue
		}
		known := s.Directory.Principal(p.Text)
		if known == nil {
			return nil, invalidPolicy.New(`The Policy Document is not valid. Invalid principal in policy: "AWS":"%s"`, p.Text)
		}
		ids[p.Text] = known.ID
	}
	return ids, nil
}

// announce puts an endpoint's policy in force with the commit of the transaction.
func (s *Service) announce(tx *store.Tx, e *endpoint) error {
	d, err := policy.Parse(e.policyText())
	if err != nil {
		return fmt.Errorf("policy of %s: %w", e.ID, err)
	}
	d = d.Bind(func(arn string) (string, bool) {
		id, ok := e.Principals[arn]
		return id, ok
	})
	if e.Gateway {
		d = d.RootsOnly()
	}
	fact := &directory.Endpoint{ID: e.ID, Account: e.Account, Policy: &policy.Attached{
		Document: d, Name: "VPC endpoint policy", ARN: arn.Format("ec2", s.Region, e.Account, "vpc-endpoint/"+e.ID), Owner: e.Account,
	}}
	tx.After(func() { s.Directory.SetEndpoint(fact) })
	return nil
}

// loadPolicies tells the directory about every endpoint there is.
func (s *Service) loadPolicies(ctx context.Context) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		all, err := endpoints.all(tx, "")
		if err != nil {
			return fmt.Errorf("load endpoint policies: %w", err)
		}
		for _, e := range all {
			if e.State == deleting {
				continue
			}
			if err := s.announce(tx, e); err != nil {
				return err
			}
		}
		return nil
	})
}
