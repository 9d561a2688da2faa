package door

import (
	"encoding/json"
	"slices"
	"strings"

	"cloister/internal/engine/policy"
	"cloister/internal/frame/api"
	"cloister/internal/frame/directory"
)

// message is what STS decodes of a denial's encoded message, in AWS's form.
type message struct {
	Allowed      bool            `json:"allowed"`
	ExplicitDeny bool            `json:"explicitDeny"`
	Matched      items[matched]  `json:"matchedStatements"`
	Failures     items[struct{}] `json:"failures"`
	Context      struct {
		Principal struct {
			ID   string `json:"id"`
			Name string `json:"name"`
			ARN  string `json:"arn"`
		} `json:"principal"`
		Action     string        `json:"action"`
		Resource   string        `json:"resource"`
		Conditions items[keyRow] `json:"conditions"`
	} `json:"context"`
}

type matched struct {
	ID              string        `json:"statementId"`
	Effect          string        `json:"effect"`
	Principals      items[value]  `json:"principals"`
	PrincipalGroups items[value]  `json:"principalGroups"`
	Actions         *items[value] `json:"actions,omitempty"`
	NotActions      *items[value] `json:"notActions,omitempty"`
	Resources       *items[value] `json:"resources,omitempty"`
	NotResources    *items[value] `json:"notResources,omitempty"`
	Conditions      items[keyRow] `json:"conditions"`
}

type keyRow struct {
	Key    string       `json:"key"`
	Values items[value] `json:"values"`
}

type value struct {
	Value string `json:"value"`
}

// items is how AWS writes a list.
type items[T any] struct {
	Items []T `json:"items"`
}

func listOf[T, F any](from []F, f func(F) T) items[T] {
	out := items[T]{[]T{}}
	for _, v := range from {
		out.Items = append(out.Items, f(v))
	}
	return out
}

func values(list []string) items[value] {
	return listOf(list, func(s string) value { return value{s} })
}

// encoded is the sealed message of a denial. What would make it longer than STS takes back is left out: first
// what denied, then the context.
func (b *subject) encoded(d *directory.Directory, k *api.Check, decision *policy.Decision, explicit bool) string {
	id := b.identity()
	var m message
	m.ExplicitDeny = explicit
	m.Matched = listOf(decision.Denials(id.Account), func(s policy.Denial) matched { return matchedOf(s, id.ID) })
	m.Failures = items[struct{}]{[]struct{}{}}
	c := &m.Context
	c.Principal.ID, c.Principal.ARN = id.ID, id.ARN
	if c.Principal.Name = id.Name; c.Principal.Name == "" {
		c.Principal.Name = id.ARN[strings.LastIndexAny(id.ARN, ":/")+1:]
	}
	c.Action, c.Resource = b.action, b.resource
	c.Conditions = b.conditions(k)
	for _, less := range []func(){func() { m.Matched.Items = m.Matched.Items[:0] }, func() { c.Conditions.Items = c.Conditions.Items[:0] }, func() {}} {
		text, err := json.Marshal(m)
		if err != nil {
			panic(err) // it is texts and lists
		}
		if sealed := d.SealMessage(id.Account, text); len(sealed) <= directory.MostMessage {
			return sealed
		}
		less()
	}
	return ""
}

func matchedOf(s policy.Denial, id string) matched {
	m := matched{ID: s.Sid, Effect: "DENY", Principals: values([]string{id}), PrincipalGroups: values(nil),
		Conditions: listOf(s.Conditions, func(w policy.Wanted) keyRow { return keyRow{w.Key, values(w.Values)} })}
	actions, resources := values(s.Actions), values(s.Resources)
	if m.Actions = &actions; s.NotAction {
		m.Actions, m.NotActions = nil, &actions
	}
	if m.Resources = &resources; s.NotResource {
		m.Resources, m.NotResources = nil, &resources
	}
	return m
}

// conditions are the condition keys that the request has, as far as they can be listed: tags of the caller and the
// resource are keys too.
func (b *subject) conditions(k *api.Check) items[keyRow] {
	var names []string
	for i := range facts {
		names = append(names, facts[i].key.Name())
	}
	names = append(names, policy.CurrentTime.Name(), policy.EpochTime.Name())
	brought := k.Keys
	if k.Told != nil {
		brought = append(slices.Clip(brought), k.Told(b.resource)...)
	}
	for i := range brought {
		names = append(names, brought[i].Name)
	}
	for _, t := range b.Principal {
		names = append(names, "aws:PrincipalTag/"+t.Key)
	}
	for _, t := range b.Resource {
		names = append(names, "aws:ResourceTag/"+t.Key)
	}
	out := items[keyRow]{[]keyRow{}}
	for _, name := range names {
		if b.Account != b.identity().Account && policy.OfOwner(name) {
			continue
		}
		if list, ok := b.context.Get(name); ok {
			out.Items = append(out.Items, keyRow{name, values(list)})
		}
	}
	return out
}
