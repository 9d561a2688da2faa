package ec2

import (
	"cmp"
	"context"
	"slices"

	"cloister/internal/machine/store"
	"cloister/internal/value/arn"
	"cloister/internal/value/caller"
)

// WatchTags tells what tags each resource has, now and from now on, for decisions to look at. An empty
// list says that it has none, or is gone.
func (s *Service) WatchTags(ctx context.Context, region string, told func(arn string, tags []caller.Tag)) error {
	t := tagTeller{region, told}
	for _, b := range bearers {
		if b.watch == nil {
			continue // a security group's rules and both sides of a peering are told of by their records
		}
		if err := b.watch(ctx, s.DB, t); err != nil {
			return err
		}
	}
	if err := watchRules(ctx, s.DB, t); err != nil {
		return err
	}
	return watchPeerings(ctx, s.DB, t)
}

type tagTeller struct {
	region string
	told   func(arn string, tags []caller.Tag)
}

func (t tagTeller) tell(account, kind, id string, tags []caller.Tag) {
	t.told(arn.Format("ec2", t.region, account, kind+"/"+id), tags)
}

// watchKind tells of the records of a kind that are tagged as a whole.
func watchKind[T any, P interface {
	*T
	common() *head
}](k kind[T, P]) func(context.Context, *store.DB, tagTeller) error {
	return func(ctx context.Context, db *store.DB, t tagTeller) error {
		return store.Watch(ctx, db, k.table, func(key string, v *T) func() {
			account, id := store.Split(key)
			var tags []caller.Tag
			if v != nil {
				tags = tagFacts(P(v).common().Tags)
			}
			return func() { t.tell(account, k.name, id, tags) }
		})
	}
}

// watchRules tells of the rules of groups, which have no records of their own.
func watchRules(ctx context.Context, db *store.DB, t tagTeller) error {
	known := map[string]map[string][]caller.Tag{} // by group, by rule; touched in the order of commits only
	return store.Watch(ctx, db, groups.table, func(key string, g *group) func() {
		account, _ := store.Split(key)
		now := map[string][]caller.Tag{}
		if g != nil {
			for i := range g.Rules {
				if tags := tagFacts(g.Rules[i].Tags); len(tags) > 0 {
					now[g.Rules[i].ID] = tags
				}
			}
		}
		return func() {
			for id := range known[key] {
				if now[id] == nil {
					t.tell(account, "security-group-rule", id, nil)
				}
			}
			for id, tags := range now {
				t.tell(account, "security-group-rule", id, tags)
			}
			if known[key] = now; len(now) == 0 {
				delete(known, key)
			}
		}
	})
}

// watchPeerings tells of connections, whose two sides have an ARN and tags each.
func watchPeerings(ctx context.Context, db *store.DB, t tagTeller) error {
	accepters := map[string]string{} // by key, for when the record is gone
	return store.Watch(ctx, db, peerings.table, func(key string, c *peering) func() {
		account, id := store.Split(key)
		var own, others []caller.Tag
		accepter := ""
		if c != nil {
			own, others, accepter = tagFacts(c.Tags), tagFacts(c.AccepterTags), c.Accepter.Account
		}
		return func() {
			if accepter != "" {
				accepters[key] = accepter
			}
			if other := accepters[key]; other != account {
				t.tell(other, peerings.name, id, others)
			}
			if t.tell(account, peerings.name, id, own); accepter == "" {
				delete(accepters, key)
			}
		}
	})
}

func tagFacts(tags map[string]string) []caller.Tag {
	out := make([]caller.Tag, 0, len(tags))
	for k, v := range tags {
		out = append(out, caller.Tag{Key: k, Value: v})
	}
	slices.SortFunc(out, func(a, b caller.Tag) int { return cmp.Compare(a.Key, b.Key) })
	return out
}
