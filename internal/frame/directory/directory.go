// Package directory holds in memory every fact that a decision needs: principals and their policies,
// keys, the policies of resources and of VPC endpoints.
//
// It promises that a change made in a Tx.After hook is in force when the changing call returns, and
// that reading it touches memory only. Services put facts in at start and with each commit; it must
// not know where they come from.
package directory

import (
	"crypto/cipher"
	"strings"
	"sync"
	"time"

	"cloister/internal/engine/policy"
	"cloister/internal/value/caller"
)

// Principal is a user or a role with the policies that speak of it.
type Principal struct {
	Kind     caller.Kind // User or AssumedRole (the role itself)
	Account  string
	ARN      string // the user's or the role's
	ID       string // AIDA… or AROA…
	Name     string
	Policies []policy.Attached
	Boundary *policy.Attached
	// MaxSession is the longest session of a role that may be asked for; 0 means an hour.
	MaxSession time.Duration
}

// Key is a long-term access key.
type Key struct {
	ID, Secret, Account string
	// Owner is the ARN of a user, or empty for the account's root.
	Owner  string
	Active bool
}

// Resource is a thing with an owner and perhaps a policy of its own.
type Resource struct {
	ARN, Account string
	Policy       *policy.Attached
	// Trust marks a role: its policy is a trust policy and must allow.
	Trust bool
}

// nowhere is the policy of a VPC endpoint that nobody knows: it allows nothing.
var nowhere = policy.Attached{Name: "of an endpoint that is gone", Document: func() *policy.Document {
	d, err := policy.Parse(`{"Statement":[{"Effect":"Allow","Principal":"*","NotAction":"*","Resource":"*"}]}`)
	if err != nil {
		panic(err) // a text of ours
	}
	return d
}()}

// Directory is safe for concurrent use.
type Directory struct {
	sessions  cipher.AEAD
	clock     func() time.Time
	opened    recent[*session]         // by token
	parsed    recent[*policy.Document] // session policies, by text
	mu        sync.RWMutex
	keys      map[string]Key
	principal map[string]*Principal
	named     map[string]string // ARNs of principals by their plain names
	resource  map[string]*Resource
	endpoint  map[string]*policy.Attached
}

// New makes an empty directory. The 32 bytes of sessionKey seal session tokens: with the same bytes
// tokens outlive the process.
func New(sessionKey [32]byte, clock func() time.Time) *Directory {
	return &Directory{
		sessions: seal(sessionKey), clock: clock, keys: map[string]Key{}, principal: map[string]*Principal{}, named: map[string]string{},
		resource: map[string]*Resource{}, endpoint: map[string]*policy.Attached{},
	}
}

// SetKey puts or replaces an access key.
func (d *Directory) SetKey(k Key) { set(d, d.keys, k.ID, k) }

// RemoveKey makes a key unknown.
func (d *Directory) RemoveKey(id string) { remove(d, d.keys, id) }

// SetPrincipal puts or replaces a user or role, by ARN. The value must not be changed after.
func (d *Directory) SetPrincipal(p *Principal) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.principal[p.ARN] = p
	if name, _ := plain(p.ARN); name != "" {
		d.named[name] = p.ARN
	}
}

// RemovePrincipal makes a user or role unknown, and its keys and sessions dead.
func (d *Directory) RemovePrincipal(arn string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.principal, arn)
	if name, _ := plain(arn); d.named[name] == arn {
		delete(d.named, name)
	}
}

// Resolve gives the ARN of the user or role that one without a path means: IAM's requests name them
// by name alone, in any case, but policies speak of their ARNs. Other ARNs it gives back.
func (d *Directory) Resolve(arn string) string {
	name, bare := plain(arn)
	if !bare {
		return arn
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	if whole, ok := d.named[name]; ok {
		return whole
	}
	return arn
}

// plain gives what a user or role is unique by: account, kind and name, in lower case; "" for other
// ARNs. bare tells that the ARN has no path.
func plain(arn string) (name string, bare bool) {
	rest, ok := strings.CutPrefix(arn, "arn:aws:iam::")
	if !ok {
		return "", false
	}
	account, rest, _ := strings.Cut(rest, ":")
	kind, rest, ok := strings.Cut(rest, "/")
	if !ok || kind != "user" && kind != "role" {
		return "", false
	}
	last := strings.LastIndexByte(rest, '/') + 1
	return account + "/" + kind + "/" + strings.ToLower(rest[last:]), last == 0
}

// SetResource puts or replaces a resource, by ARN. The value must not be changed after.
func (d *Directory) SetResource(r *Resource) { set(d, d.resource, r.ARN, r) }

// RemoveResource makes a resource unknown.
func (d *Directory) RemoveResource(arn string) { remove(d, d.resource, arn) }

// SetEndpoint puts or replaces the policy of a VPC endpoint, by its vpce- id.
func (d *Directory) SetEndpoint(id string, p *policy.Attached) { set(d, d.endpoint, id, p) }

// RemoveEndpoint makes a VPC endpoint unknown; calls through it are denied from then on.
func (d *Directory) RemoveEndpoint(id string) { remove(d, d.endpoint, id) }

func set[V any](d *Directory, m map[string]V, k string, v V) {
	d.mu.Lock()
	defer d.mu.Unlock()
	m[k] = v
}

func remove[V any](d *Directory, m map[string]V, k string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(m, k)
}

// Principal gives the user or role of an ARN, or nil.
func (d *Directory) Principal(arn string) *Principal {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.principal[arn]
}

// owner finds the resource a check speaks of: the one of that ARN, or the bucket of an object's.
// The lock is held.
func (d *Directory) owner(arn string) *Resource {
	if r := d.resource[arn]; r != nil {
		return r
	}
	if bucket, _, ok := strings.Cut(arn, "/"); ok && strings.HasPrefix(arn, "arn:aws:s3:::") {
		return d.resource[bucket]
	}
	return nil
}

// Stack gives every policy that has a say in one question (may c do action to resource?), and the
// account that owns the resource: what the directory knows, else owner, else the caller's.
func (d *Directory) Stack(c *caller.Caller, action, resource, owner string) (s policy.Stack, account string) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	id := &c.Identity
	account = owner
	if r := d.owner(resource); r != nil && action != "s3:CreateBucket" { // of a name that is taken the service tells
		account = r.Account
		s.Trust = r.Trust && strings.HasPrefix(strings.ToLower(action), "sts:assumerole")
		if r.Policy != nil && (!r.Trust || s.Trust) && !keeps(id, r, action) {
			s.Resource = []policy.Attached{*r.Policy}
		}
	}
	if account == "" {
		account = id.Account
	}
	if p := d.principal[id.PrincipalARN]; p != nil && (id.Kind == caller.User || id.Kind == caller.AssumedRole) {
		s.Identity = p.Policies
		if p.Boundary != nil {
			s.HasBoundary, s.Boundary = true, []policy.Attached{*p.Boundary}
		}
	}
	for _, text := range id.SessionPolicies {
		s.HasSession = true
		if doc, err := d.parsed.get(text, policy.Parse); err == nil {
			s.Session = append(s.Session, policy.Attached{Document: doc, Name: "session policy"})
		}
	}
	if c.Origin.Place == caller.Endpoint {
		s.ViaEndpoint = true
		p := d.endpoint[c.Origin.EndpointID]
		if p == nil {
			p = &nowhere
		}
		s.Endpoint = []policy.Attached{*p}
	}
	return s, account
}

// keeps tells what no bucket policy takes from the root of the account that owns the bucket: to read,
// replace and delete that policy. Without it a bucket that denies everyone would be lost.
func keeps(id *caller.Identity, r *Resource, action string) bool {
	if id.Kind != caller.Root || id.Account != r.Account {
		return false
	}
	return action == "s3:GetBucketPolicy" || action == "s3:PutBucketPolicy" || action == "s3:DeleteBucketPolicy"
}
