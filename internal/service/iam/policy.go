package iam

import (
	"slices"
	"strconv"
	"time"

	"cloister/internal/engine/policy"
	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/arn"
	"cloister/internal/value/caller"
	"cloister/internal/value/fault"
	"cloister/internal/value/managed"
	shape "cloister/internal/value/shape/iam"
)

// managedPolicy is a policy that stands by itself.
type managedPolicy struct {
	Account, Name, Path, ID, ARN string
	Description                  string
	Created, Updated             time.Time
	Tags                         []shape.Tag     `json:",omitempty"`
	Versions                     []policyVersion // from the oldest to the newest
	Default                      string          // the version in force
	Last                         int             // the greatest number that a version has had: none is used twice
	// Document is where a record of a policy that never had but one version keeps its text.
	Document string `json:",omitempty"`
}

// policyVersion is one text of a managed policy. AWS's own have versions whose text is not known.
type policyVersion struct {
	ID, Document string
	Created      time.Time
}

// policies are keyed by account and ARN.
var policies = store.NewTable[managedPolicy]("iam_policy")

// policyKey is where a policy of that ARN is kept.
func policyKey(p *managedPolicy) string { return store.Key(p.Account, p.ARN) }

// whole gives a record the versions that it was written without.
func (p *managedPolicy) whole() *managedPolicy {
	if p != nil && len(p.Versions) == 0 {
		p.Versions = []policyVersion{{"v1", p.Document, p.Created}}
		p.Default, p.Last, p.Updated, p.Document = "v1", 1, p.Created, ""
	}
	return p
}

// ours tells whether the policy is an account's and not AWS's.
func (p *managedPolicy) ours() bool { return p.Account != managed.Account }

// find gives a version, nil when there is none of that id.
func (p *managedPolicy) find(id string) *policyVersion {
	if i := slices.IndexFunc(p.Versions, func(v policyVersion) bool { return v.ID == id }); i >= 0 {
		return &p.Versions[i]
	}
	return nil
}

// add appends a version with a number of its own.
func (p *managedPolicy) add(document string, now time.Time) *policyVersion {
	p.Last++
	p.Versions = append(p.Versions, policyVersion{"v" + strconv.Itoa(p.Last), document, now.Truncate(time.Second)})
	p.Updated = now.Truncate(time.Second)
	return &p.Versions[len(p.Versions)-1]
}

// managedBy finds a managed policy by ARN, nil when there is none.
func managedBy(tx *store.Tx, a string) (*managedPolicy, error) {
	if p := awsPolicies()[a]; p != nil {
		return p, nil
	}
	parts, err := arn.Parse(a)
	if err != nil {
		return nil, validation.New("Invalid ARN:  Could not be parsed!")
	}
	p, err := policies.Get(tx, store.Key(parts.Account, a))
	return p.whole(), err
}

// policiesUnder lists the managed policies on record: of one account, or with an empty prefix of all.
func policiesUnder(tx *store.Tx, prefix string) ([]*managedPolicy, error) {
	all, err := policies.All(tx, prefix)
	for _, p := range all {
		p.whole()
	}
	return all, err
}

// fact is what the directory is told of a policy: the version in force.
func (p *managedPolicy) fact() (*policy.Attached, error) {
	doc, err := policy.Parse(p.find(p.Default).Document)
	if err != nil {
		return nil, err
	}
	a := &policy.Attached{Document: doc, Name: p.Name, ARN: p.ARN, Version: p.Default}
	if p.ours() {
		a.Owner = p.Account
	}
	return a, nil
}

// putPolicy writes a policy; the version in force and the tags hold when that is durable.
func (s *Service) putPolicy(tx *store.Tx, p *managedPolicy) error {
	fact, err := p.fact()
	if err != nil {
		return err
	}
	tags := tagsOf(p.Tags)
	tx.After(func() { s.tellPolicy(fact, tags) })
	return policies.Put(tx, policyKey(p), p)
}

func (s *Service) tellPolicy(p *policy.Attached, tags []caller.Tag) {
	s.Directory.SetManaged(p)
	s.Directory.SetTags(p.ARN, tags)
}

func (s *Service) loadPolicies(tx *store.Tx) error {
	all, err := policiesUnder(tx, "")
	if err != nil {
		return err
	}
	for _, p := range awsPolicies() {
		all = append(all, p)
	}
	for _, p := range all {
		a, err := p.fact()
		if err != nil {
			return err
		}
		s.tellPolicy(a, tagsOf(p.Tags))
	}
	return nil
}

// own finds a policy that the caller's account may see: its own, or AWS's.
func own(tx *store.Tx, c *api.Call, a string) (*managedPolicy, error) {
	p, err := managedBy(tx, a)
	if err == nil && (p == nil || p.ours() && p.Account != c.Account()) {
		err = noSuchEntity.New("Policy %s was not found.", a)
	}
	return p, err
}

// changePolicy runs f on a policy of the caller's account and puts what it made of it.
func (s *Service) changePolicy(tx *store.Tx, c *api.Call, a string, f func(*managedPolicy) error) error {
	p, err := own(tx, c, a)
	if err != nil {
		return err
	}
	if !p.ours() { // its checks have denied this already
		return accessDenied.New("Policy %s is AWS's and cannot be changed.", a)
	}
	if err := f(p); err != nil {
		return err
	}
	return s.putPolicy(tx, p)
}

// attachable finds a policy that is to be attached to an entity of such a path.
func attachable(tx *store.Tx, c *api.Call, a string) error {
	p, err := own(tx, c, a)
	if fault.Is(err, noSuchEntity.Code) {
		return noSuchEntity.New("Policy %s does not exist or is not attachable.", a)
	}
	if err == nil && p.linked() {
		err = notAttachable.New("Cannot attach an AWS Service Role policy: %s", a)
	}
	return err
}

// onPolicy is the checks of an operation on one managed policy. One of AWS's is not the caller's: what
// changes it is denied to everyone.
func onPolicy[In any](action string, reads bool, policy func(*In) string) func(*api.Call, *In) []api.Check {
	return func(c *api.Call, in *In) []api.Check {
		a := policy(in)
		check := api.Check{Action: "iam:" + action, Resource: a}
		if parts, err := arn.Parse(a); err == nil && !(reads && parts.Account == managed.Account) {
			check.Account = parts.Account
		}
		return []api.Check{check}
	}
}
