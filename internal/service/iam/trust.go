package iam

import (
	"strings"

	"cloister/internal/engine/policy"
	"cloister/internal/machine/store"
	"cloister/internal/value/arn"
)

// trusted checks a trust policy that is to be kept, and gives the unique ids of the users and roles
// that it names; all must exist.
func (s *Service) trusted(document string) (map[string]string, error) {
	d, err := parse(policy.Trust, document)
	if err != nil {
		return nil, err
	}
	if err := quota("ACLSizePerRole", document, trustSize); err != nil {
		return nil, err
	}
	ids := map[string]string{}
	for _, p := range d.Principals() {
		if p.Group != "AWS" || !strings.HasPrefix(p.Text, "arn:aws:iam::") || strings.HasSuffix(p.Text, ":root") {
			continue
		}
		known := s.Directory.Principal(p.Text)
		if known == nil {
			return nil, malformed.New(`Invalid principal in policy: "AWS":"%s"`, p.Text)
		}
		ids[p.Text] = known.ID
	}
	return ids, nil
}

// retell has the trust policies that name a user or role of that id call it by another name: its new ARN,
// or the bare id when it is gone, which a namesake will not have.
func (s *Service) retell(tx *store.Tx, old, id, now string) error {
	for _, name := range s.Directory.Trusting(id) {
		a, err := arn.Parse(name)
		if err != nil {
			return err
		}
		e, err := entities.Get(tx, entityKey(a.Account, role, name[strings.LastIndexByte(name, '/')+1:]))
		if err != nil {
			return err
		}
		if e == nil || e.Trusted[old] != id {
			continue // it is what this very transaction takes away
		}
		d, err := policy.Parse(e.Trust)
		if err != nil {
			return err
		}
		e.Trust = d.Renamed(func(arn string) string {
			if arn == old {
				return now
			}
			return arn
		})
		delete(e.Trusted, old)
		if now != id {
			e.Trusted[now] = id
		}
		if err := s.put(tx, e); err != nil {
			return err
		}
	}
	return nil
}
