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
	Kind    caller.Kind // User or AssumedRole (the role itself)
	Account string
	ARN     string // the user's or the role's
	ID      string // AIDA… or AROA…
	Name    string
	// Policies are inline. Managed names those that stand by themselves, Groups the groups that a user is in.
	Policies []policy.Attached
	Managed  []string
	Groups   []string
	// Boundary is the ARN of the managed policy that is the permissions boundary; empty for none.
	Boundary string
	Tags     []caller.Tag
	// MaxSession is the longest session of a role that may be asked for; 0 means an hour.
	MaxSession time.Duration
}

// Group is a group of users with the policies that speak of it.
type Group struct {
	ARN, ID, Account, Name string
	Policies               []policy.Attached
	Managed                []string
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
	// Trust marks a role: its policy is a trust policy and must allow. Trusted are the unique ids that it names.
	Trust   bool
	Trusted []string
}

// Endpoint is a VPC endpoint with its policy.
type Endpoint struct {
	ID, Account string
	Policy      *policy.Attached
}

// nowhere is the policy of an endpoint that nobody knows: it allows nothing. nothing is that of a managed
// policy that nobody knows: it denies all. anything is what the root of an account may.
var (
	anything = []policy.Attached{{Name: "of the account", Document: ours(`{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)}}
	nowhere  = []policy.Attached{{Name: "of an endpoint that is gone", Document: ours(`{"Statement":[{"Effect":"Allow","Principal":"*","NotAction":"*","Resource":"*"}]}`)}}
	nothing  = ours(`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}`)
)

func ours(text string) *policy.Document {
	d, err := policy.Parse(text)
	if err != nil {
		panic(err) // a text of ours
	}
	return d
}

// Directory is safe for concurrent use.
type Directory struct {
	sessions  cipher.AEAD
	clock     func() time.Time
	opened    recent[*session]         // by token
	parsed    recent[*policy.Document] // session policies, by text
	mu        sync.RWMutex
	uses      uses // of keys
	provider  map[string]*Provider
	keys      map[string]Key
	principal map[string]*principal
	named     map[string]string // ARNs of principals by their plain names
	group     map[string]*Group
	managed   map[string]*policy.Attached
	epoch     uint64 // of managed policies and groups: what was joined of them before is to be joined anew
	resource  map[string]carrier[*Resource]
	tags      map[string][]caller.Tag
	endpoint  map[string]carrier[*Endpoint]
	member    map[string]*Organization // by account
}

// New makes an empty directory. The 32 bytes of sessionKey seal session tokens: with the same bytes
// tokens outlive the process.
func New(sessionKey [32]byte, clock func() time.Time) *Directory {
	return &Directory{
		sessions: seal(sessionKey), clock: clock, keys: map[string]Key{}, provider: map[string]*Provider{}, principal: map[string]*principal{}, named: map[string]string{},
		group: map[string]*Group{}, managed: map[string]*policy.Attached{}, resource: map[string]carrier[*Resource]{},
		tags: map[string][]caller.Tag{}, endpoint: map[string]carrier[*Endpoint]{}, member: map[string]*Organization{},
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
	d.principal[p.ARN] = &principal{Principal: p}
	d.name(p.ARN)
}

// name notes what an ARN is called without its path, and unname forgets it. The lock is held.
func (d *Directory) name(arn string) {
	if name, _ := plain(arn); name != "" {
		d.named[name] = arn
	}
}

func (d *Directory) unname(arn string) {
	if name, _ := plain(arn); d.named[name] == arn {
		delete(d.named, name)
	}
}

// RemovePrincipal makes a user or role unknown, and its keys and sessions dead.
func (d *Directory) RemovePrincipal(arn string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.principal, arn)
	d.unname(arn)
}

// Resolve gives the ARN of the user, role, group or instance profile that one without a path means: IAM's
// requests name them by name alone, in any case, but policies speak of their ARNs. So do requests of an
// organisation's management account with ids. Other ARNs it gives back, and all that are of another account than
// the one that asks: what is there under which path, and whether, is its owner's affair.
func (d *Directory) Resolve(account, arn string) string {
	if of, ok := accountIn(arn); ok && of != account {
		return arn
	}
	if short, ok := strings.CutPrefix(arn, "arn:aws:organizations::"); ok {
		d.mu.RLock()
		defer d.mu.RUnlock()
		if whole, ok := d.partOf(short); ok {
			return whole
		}
		return arn
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	if account, id, ok := strings.Cut(strings.TrimPrefix(arn, "arn:aws:iam::"), ":access-key/"); ok {
		if k, ok := d.keys[id]; ok && k.Account == account && k.Owner != "" {
			return k.Owner // a key is its user's
		}
		return arn
	}
	name, bare := plain(arn)
	if !bare {
		return arn
	}
	if whole, ok := d.named[name]; ok {
		return whole
	}
	return arn
}

// Beside gives an ARN without a path the path of another, which may be named without it.
func (d *Directory) Beside(account, other, arn string) string {
	_, bare := plain(arn)
	known := strings.LastIndexByte(d.Resolve(account, other), '/')
	if !bare || known < 0 {
		return arn
	}
	return d.Resolve(account, other)[:known] + arn[strings.LastIndexByte(arn, '/'):]
}

// accountIn is the account in an ARN of IAM or Organizations; what is AWS's own has none.
func accountIn(arn string) (account string, ok bool) {
	rest, ok := strings.CutPrefix(arn, "arn:aws:iam::")
	if !ok {
		rest, ok = strings.CutPrefix(arn, "arn:aws:organizations::")
	}
	account, _, _ = strings.Cut(rest, ":")
	return account, ok && account != "" && account != "aws"
}

// plain gives what an entity of IAM is unique by: account, kind and name, in lower case; "" for other
// ARNs. bare tells that the ARN has no path.
func plain(arn string) (name string, bare bool) {
	rest, ok := strings.CutPrefix(arn, "arn:aws:iam::")
	if !ok {
		return "", false
	}
	account, rest, _ := strings.Cut(rest, ":")
	kind, rest, ok := strings.Cut(rest, "/")
	if !ok || kind != "user" && kind != "role" && kind != "group" && kind != "instance-profile" {
		return "", false
	}
	last := strings.LastIndexByte(rest, '/') + 1
	return account + "/" + kind + "/" + strings.ToLower(rest[last:]), last == 0
}

// SetResource puts or replaces a resource, by ARN. The value must not be changed after.
func (d *Directory) SetResource(r *Resource) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.resource[r.ARN] = carries(r, r.Policy)
	d.name(r.ARN)
}

// RemoveResource makes a resource unknown.
func (d *Directory) RemoveResource(arn string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.resource, arn)
	d.unname(arn)
}

// SetEndpoint puts or replaces a VPC endpoint, by its vpce- id. The value must not be changed after.
func (d *Directory) SetEndpoint(e *Endpoint) { set(d, d.endpoint, e.ID, carries(e, e.Policy)) }

// RemoveEndpoint makes a VPC endpoint unknown; calls through it are denied from then on.
func (d *Directory) RemoveEndpoint(id string) { remove(d, d.endpoint, id) }

// SetGroup puts or replaces a group, by ARN. The value must not be changed after.
func (d *Directory) SetGroup(g *Group) {
	d.joined(func() {
		d.group[g.ARN] = g
		d.name(g.ARN)
	})
}

// RemoveGroup makes a group unknown; who was in it has lost what it gave.
func (d *Directory) RemoveGroup(arn string) {
	d.joined(func() {
		delete(d.group, arn)
		d.unname(arn)
	})
}

// SetManaged puts or replaces the version of a managed policy that is in force, by ARN. The value must
// not be changed after.
func (d *Directory) SetManaged(p *policy.Attached) { d.joined(func() { d.managed[p.ARN] = p }) }

// RemoveManaged makes a managed policy unknown: to whom it is attached, all is denied.
func (d *Directory) RemoveManaged(arn string) { d.joined(func() { delete(d.managed, arn) }) }

// SetTags says what tags a resource has; none forgets it. The list must not be changed after.
func (d *Directory) SetTags(arn string, tags []caller.Tag) {
	if len(tags) == 0 {
		remove(d, d.tags, spelled(arn))
		return
	}
	set(d, d.tags, spelled(arn), tags)
}

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
	if p := d.principal[arn]; p != nil {
		return p.Principal
	}
	return nil
}

// Named is what a policy that was saved with the ARN of a user or role shows: the ARN that whoever has its
// unique id has now, or when nobody has it the bare id.
func (d *Directory) Named(arn, id string) string {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if p := d.principal[arn]; p != nil && p.ID == id {
		return arn
	}
	for now, p := range d.principal {
		if p.ID == id {
			return now
		}
	}
	return id
}

// Group gives the group of an ARN, or nil.
func (d *Directory) Group(arn string) *Group {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.group[arn]
}

// Owner gives the account of a resource that has a policy of its own; empty for one that nobody knows.
func (d *Directory) Owner(arn string) string {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if o := d.owner(arn); o.of != nil {
		return o.of.Account
	}
	return ""
}

// owner finds the resource a check speaks of: the one of that ARN, or the bucket of an object's.
// The lock is held.
func (d *Directory) owner(arn string) carrier[*Resource] {
	if r, ok := d.resource[arn]; ok {
		return r
	}
	if bucket, _, ok := strings.Cut(arn, "/"); ok && strings.HasPrefix(arn, "arn:aws:s3:::") {
		return d.resource[bucket]
	}
	return carrier[*Resource]{}
}
