package ec2

import (
	"context"
	"fmt"
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

// checkPolicy refuses what cannot be an endpoint's policy.
func (s *Service) checkPolicy(text string) error {
	if n := utf8.RuneCountInString(text); n > s.Quotas.PolicyCharacters {
		return invalidPolicy.New("The Policy Document is not valid. It has %d characters, more than the %d allowed.", n, s.Quotas.PolicyCharacters)
	}
	d, err := policy.Parse(text)
	if err == nil {
		err = d.Check(policy.Endpoint)
	}
	if err != nil {
		return invalidPolicy.New("%s", policy.Told(policy.Endpoint, err))
	}
	return nil
}

// announce puts an endpoint's policy in force with the commit of the transaction.
func (s *Service) announce(tx *store.Tx, e *endpoint) error {
	d, err := policy.Parse(e.policyText())
	if err != nil {
		return fmt.Errorf("policy of %s: %w", e.ID, err)
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
