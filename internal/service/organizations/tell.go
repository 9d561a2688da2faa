package organizations

import (
	"context"
	"fmt"
	"sync"

	"cloister/internal/engine/policy"
	"cloister/internal/frame/directory"
	"cloister/internal/machine/store"
	"cloister/internal/value/caller"
	shape "cloister/internal/value/shape/organizations"
)

// change has the management account change its organisation; decisions are made by it from then on.
func (s *Service) change(ctx context.Context, account string, f func(*tree) error) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		t, err := managed(tx, account)
		if err != nil {
			return err
		}
		if err := f(t); err != nil {
			return err
		}
		return s.tell(t)
	})
}

// look has the management account look at its organisation.
func (s *Service) look(ctx context.Context, account string, f func(*tree) error) error {
	return s.DB.View(ctx, func(tx *store.Tx) error {
		t, err := managed(tx, account)
		if err != nil {
			return err
		}
		return f(t)
	})
}

// tell has the directory told of an organisation when the transaction is durable.
func (s *Service) tell(t *tree) error {
	f, err := s.facts(t)
	if err != nil {
		return err
	}
	t.tx.After(f)
	return nil
}

// facts makes what the directory is told of an organisation; the function tells it.
func (s *Service) facts(t *tree) (func(), error) {
	o := &directory.Organization{ID: t.ID, Management: t.Management, Parents: map[string][]string{}, Names: map[string]string{}}
	tags := map[string][]caller.Tag{}
	for _, id := range t.places() {
		_, o.Names[id], _ = t.place(id)
		arn, list, _ := t.tags(id)
		tags[arn] = tagsOf(*list)
	}
	for id := range t.members {
		o.Parents[id] = t.above(id)
	}
	for id, p := range t.controls {
		o.Names[id] = t.controlARN(p)
		if !p.AWS {
			tags[o.Names[id]] = tagsOf(p.Tags)
		}
	}
	for kind, at := range map[string]*map[string][]policy.Attached{scp: &o.SCP, rcp: &o.RCP} {
		if !t.enabled(kind) {
			continue
		}
		*at = map[string][]policy.Attached{}
		for _, p := range t.list(kind) {
			if err := s.attached(t, p, *at); err != nil {
				return nil, err
			}
		}
	}
	return func() {
		s.Directory.SetOrganization(o)
		for arn, list := range tags {
			s.Directory.SetTags(arn, list)
		}
	}, nil
}

// attached puts a policy under each of its targets.
func (s *Service) attached(t *tree, p *control, at map[string][]policy.Attached) error {
	if len(p.Targets) == 0 {
		return nil
	}
	doc, err := s.parsed.get(t.ID+"/"+p.ID, p.Document)
	if err != nil {
		return fmt.Errorf("policy %s: %w", p.ID, err)
	}
	a := policy.Attached{Document: doc, Name: p.Name, ARN: t.controlARN(p)}
	if !p.AWS {
		a.Owner = t.Management
	}
	for _, target := range p.Targets {
		a.Level = target
		at[target] = append(at[target], a)
	}
	return nil
}

// forget has the directory forget the tags of what is gone.
func (s *Service) forget(tx *store.Tx, arns ...string) {
	tx.After(func() {
		for _, a := range arns {
			s.Directory.SetTags(a, nil)
		}
	})
}

func tagsOf(tags []shape.Tag) (out []caller.Tag) {
	for _, t := range tags {
		out = append(out, caller.Tag{Key: *t.Key, Value: *t.Value})
	}
	return out
}

// compiled keeps the documents that are in force, for a change of one policy must not cost the compiling
// of all.
type compiled struct {
	mu  sync.Mutex
	all map[string]compiledPolicy
}

type compiledPolicy struct {
	text string
	doc  *policy.Document
}

// get compiles a document unless the policy had the same before.
func (c *compiled) get(id, text string) (*policy.Document, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p, ok := c.all[id]; ok && p.text == text {
		return p.doc, nil
	}
	doc, err := policy.Parse(text)
	if err != nil {
		return nil, err
	}
	if c.all == nil {
		c.all = map[string]compiledPolicy{}
	}
	c.all[id] = compiledPolicy{text, doc}
	return doc, nil
}

// drop forgets a policy.
func (c *compiled) drop(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.all, id)
}
