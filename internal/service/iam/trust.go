package iam

import (
	"strings"

	"cloister/internal/engine/policy"
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
