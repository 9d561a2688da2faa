package sts

import (
	"strings"

	"cloister/internal/engine/policy"
	"cloister/internal/frame/api"
	"cloister/internal/value/caller"
	shape "cloister/internal/value/shape/sts"
)

// handed is what a new session gets from the request and, in a chain, from the session that asks.
type handed struct {
	tags       []caller.Tag // asked for and inherited
	transitive []string     // keys of tags that go on
	source     string       // identity
}

const conflict = "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session."

// hand puts together what is asked for and what is inherited, and refuses what contradicts.
func hand(id *caller.Identity, tags []shape.Tag, transitive []string, source *string) (h handed, err error) {
	for _, t := range tags {
		if strings.HasPrefix(strings.ToLower(*t.Key), "aws:") {
			return h, invalidValue.New("aws: prefixed tag key names are not allowed for external use.")
		}
		if find(h.tags, *t.Key) {
			return h, invalidValue.New("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		h.tags = append(h.tags, caller.Tag{Key: *t.Key, Value: *t.Value})
	}
	for _, k := range transitive {
		if has(id.Transitive, k) {
			return h, invalidValue.New(conflict)
		}
		if !find(h.tags, k) {
			return h, invalidValue.New("The specified transitive tag key must be included in the requested tags.")
		}
		h.transitive = append(h.transitive, k)
	}
	asked := h.tags
	for _, t := range id.Tags {
		if !has(id.Transitive, t.Key) {
			continue
		}
		if find(asked, t.Key) {
			return h, invalidValue.New(conflict)
		}
		h.tags, h.transitive = append(h.tags, t), append(h.transitive, t.Key)
	}
	h.source = id.SourceIdentity
	if source != nil {
		if h.source != "" && h.source != *source {
			return h, accessDenied.New("The source identity of the calling session is %s and cannot be changed.", h.source)
		}
		h.source = *source
	}
	return h, nil
}

func find(tags []caller.Tag, key string) bool {
	for _, t := range tags {
		if policy.SameKey(t.Key, key) {
			return true
		}
	}
	return false
}

func has(keys []string, key string) bool {
	for _, k := range keys {
		if policy.SameKey(k, key) {
			return true
		}
	}
	return false
}

// checks asks for the action and for what is handed on: each is a question of its own to the policies of both
// sides. What is inherited is asked for like what is requested, so that a role that does not want tags or a
// source identity is not assumed with them.
func (h *handed) checks(action, resource, account string, keys ...api.Key) []api.Check {
	if len(h.tags) > 0 {
		names := make([]string, len(h.tags))
		for i, t := range h.tags {
			names[i] = t.Key
			keys = append(keys, api.K("aws:RequestTag/"+t.Key, t.Value))
		}
		keys = append(keys, api.Ks("aws:TagKeys", names...))
	}
	if len(h.transitive) > 0 {
		keys = append(keys, api.Ks("sts:TransitiveTagKeys", h.transitive...))
	}
	if h.source != "" {
		keys = append(keys, api.K("sts:SourceIdentity", h.source))
	}
	out := []api.Check{{Action: action, Resource: resource, Account: account, Keys: keys}}
	if len(h.tags) > 0 {
		out = append(out, api.Check{Action: "sts:TagSession", Resource: resource, Account: account, Keys: keys})
	}
	if h.source != "" {
		out = append(out, api.Check{Action: "sts:SetSourceIdentity", Resource: resource, Account: account, Keys: keys})
	}
	return out
}

// to puts it into an identity.
func (h *handed) to(id *caller.Identity) {
	id.Tags, id.Transitive, id.SourceIdentity = h.tags, h.transitive, h.source
}
