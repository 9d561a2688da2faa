package door

import (
	"strings"
	"sync"

	"cloister/internal/engine/policy"
	"cloister/internal/frame/api"
	"cloister/internal/frame/directory"
	"cloister/internal/value/arn"
	"cloister/internal/value/caller"
	"cloister/internal/value/catalogue"
)

// subject is what one decision is about: the call, the check and what the directory knows of its two
// sides. It is the Filler of its own context, so that a key costs something only where a policy asks for it.
type subject struct {
	context  policy.Context
	x        *exchange
	action   string
	resource string
	directory.Facts
}

var subjects = sync.Pool{New: func() any { return new(subject) }}

// begin puts in what the check brings.
func (b *subject) begin(x *exchange, k *api.Check, resource string, f directory.Facts) {
	b.x, b.action, b.resource, b.Facts = x, k.Action, resource, f
	b.context = policy.Context{Time: x.Time, Filler: b}
	b.bring(k.Keys)
	if k.Told != nil {
		b.bring(k.Told(resource))
	}
}

func (b *subject) bring(keys []api.Key) {
	for i := range keys {
		if key := &keys[i]; key.Multi {
			b.context.SetNamedMany(key.Name, key.Values)
		} else if len(key.Values) > 0 {
			b.context.SetNamed(key.Name, key.Values[0])
		}
	}
}

// Fill is policy.Filler.
func (b *subject) Fill(c *policy.Context, key policy.Key, name string) {
	if key == 0 {
		if !b.claimed(c, name) {
			b.tag(c, name)
		}
		return
	}
	r, ok := global[key]
	switch {
	case !ok || r.when != nil && !r.when(b):
	case r.list != nil:
		c.SetMany(key, r.list(b))
	default:
		c.Set(key, r.text(b))
	}
}

// claimed gives what a provider's token said of the caller.
func (b *subject) claimed(c *policy.Context, name string) bool {
	claims := b.identity().Claims
	for i := range claims {
		if k := &claims[i]; policy.SameKey(k.Key, name) {
			if k.Many {
				c.SetNamedMany(name, k.Values)
			} else {
				c.SetNamed(name, k.Values[0])
			}
			return true
		}
	}
	return false
}

// tag gives the value of a tag of the caller or the resource, whose keys are the same in any case.
func (b *subject) tag(c *policy.Context, name string) {
	prefix, key, ok := strings.Cut(name, "/")
	if !ok {
		return
	}
	var tags []caller.Tag
	switch {
	case policy.SameKey(prefix, "aws:PrincipalTag"):
		tags = b.Principal
	case b.tells(prefix):
		tags = b.Resource
	}
	for i := range tags {
		if policy.SameKey(tags[i].Key, key) {
			c.SetNamed(name, tags[i].Value)
			return
		}
	}
}

// tagged are the services that also call the tags of their resources by a name of their own.
var tagged = map[string]bool{"ec2": true, "sagemaker": true, "iam": true, "elasticloadbalancing": true, "ecr": true}

// tells whether a prefix names the tags of the resource. Who may pass a role cannot depend on its tags.
func (b *subject) tells(prefix string) bool {
	service, ok := cutFold(prefix, ":ResourceTag")
	if !ok || strings.EqualFold(b.action, "iam:PassRole") {
		return false
	}
	if policy.SameKey(service, "aws") {
		return true
	}
	a, err := arn.Parse(b.resource)
	return err == nil && tagged[a.Service] && policy.SameKey(a.Service, service)
}

func cutFold(text, suffix string) (string, bool) {
	at := len(text) - len(suffix)
	if at < 0 || !policy.SameKey(text[at:], suffix) {
		return "", false
	}
	return text[:at], true
}

func (b *subject) identity() *caller.Identity { return &b.x.Caller.Identity }
func (b *subject) origin() *caller.Origin     { return &b.x.Caller.Origin }

// service is the prefix of the action, in lower case.
func (b *subject) service() string {
	prefix, _, _ := strings.Cut(b.action, ":")
	return strings.ToLower(prefix)
}

// asked is the region that was asked: of a service without regions it is always the same.
func (x *exchange) asked() string {
	if x.host.Region != "" {
		return x.host.Region
	}
	if row, ok := catalogue.ByID(x.service.Model.ID); ok && row.Global {
		return "us-east-1"
	}
	return x.Region
}
