package ecr

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// lifecycle is a lifecycle policy.
type lifecycle struct {
	Rules []rule `json:"rules"`
}

// rule says which images expire: those of a kind that are too old, or too many.
type rule struct {
	RulePriority int       `json:"rulePriority"`
	Description  string    `json:"description"`
	Selection    selection `json:"selection"`
	Action       struct {
		Type string `json:"type"`
	} `json:"action"`
}

type selection struct {
	TagStatus      string   `json:"tagStatus"`
	TagPrefixList  []string `json:"tagPrefixList"`
	TagPatternList []string `json:"tagPatternList"`
	CountType      string   `json:"countType"`
	CountUnit      string   `json:"countUnit"`
	CountNumber    int      `json:"countNumber"`
}

const (
	byCount = "imageCountMoreThan"
	byPush  = "sinceImagePushed"
	byPull  = "sinceImagePulled"
)

func badLifecycle(why string) error {
	return parameter("LifecyclePolicyText", "Lifecycle policy validation failure: "+why)
}

// parseLifecycle reads a policy and gives its rules in the order of their priority.
func parseLifecycle(document string) ([]rule, error) {
	in := json.NewDecoder(bytes.NewReader([]byte(document)))
	in.DisallowUnknownFields()
	var l lifecycle
	if err := in.Decode(&l); err != nil || in.More() {
		return nil, badLifecycle("the policy is not valid JSON, or has an element that is not supported")
	}
	if len(l.Rules) == 0 || len(l.Rules) > 50 {
		return nil, badLifecycle("a policy has between 1 and 50 rules")
	}
	slices.SortStableFunc(l.Rules, func(a, b rule) int { return cmp.Compare(a.RulePriority, b.RulePriority) })
	for i := range l.Rules {
		r := &l.Rules[i]
		if err := r.check(); err != nil {
			return nil, err
		}
		if i > 0 && l.Rules[i-1].RulePriority == r.RulePriority {
			return nil, badLifecycle("rule priorities must be unique")
		}
		if r.Selection.TagStatus == "any" && i < len(l.Rules)-1 {
			return nil, badLifecycle("a rule with tagStatus 'any' must have the highest rulePriority")
		}
	}
	return l.Rules, nil
}

func (r *rule) check() error {
	s := &r.Selection
	lists := len(s.TagPrefixList) + len(s.TagPatternList)
	switch {
	case r.RulePriority < 1:
		return badLifecycle("rulePriority must be a positive number")
	case r.Action.Type != "expire":
		return badLifecycle("action.type must be 'expire'")
	case s.TagStatus != "tagged" && s.TagStatus != "untagged" && s.TagStatus != "any":
		return badLifecycle("tagStatus must be 'tagged', 'untagged' or 'any'")
	case s.TagStatus == "tagged" && lists == 0, len(s.TagPrefixList) > 0 && len(s.TagPatternList) > 0:
		return badLifecycle("tagStatus 'tagged' needs either tagPrefixList or tagPatternList")
	case s.TagStatus != "tagged" && lists > 0:
		return badLifecycle("only tagStatus 'tagged' has tagPrefixList or tagPatternList")
	case s.CountType != byCount && s.CountType != byPush && s.CountType != byPull:
		return badLifecycle("countType must be 'imageCountMoreThan', 'sinceImagePushed' or 'sinceImagePulled'")
	case s.CountType == byCount && s.CountUnit != "", s.CountType != byCount && s.CountUnit != "days":
		return badLifecycle("countUnit must be 'days' for an age, and absent for a count")
	case s.CountNumber < 1:
		return badLifecycle("countNumber must be a positive number")
	case slices.ContainsFunc(s.TagPatternList, func(p string) bool { return strings.Count(p, "*") > 4 }):
		return badLifecycle("a tag pattern has at most 4 wildcards")
	}
	return nil
}

// selects tells whether an image with these tags is of the rule's kind. All patterns must be met, each by one tag.
func (s *selection) selects(names []string) bool {
	switch s.TagStatus {
	case "any":
		return true
	case "untagged":
		return len(names) == 0
	}
	met := func(patterns []string, meets func(pattern, name string) bool) bool {
		for _, p := range patterns {
			if !slices.ContainsFunc(names, func(n string) bool { return meets(p, n) }) {
				return false
			}
		}
		return true
	}
	return len(names) > 0 && met(s.TagPatternList, fits) && met(s.TagPrefixList, func(p, n string) bool { return strings.HasPrefix(n, p) })
}

// expired gives the images that the rules expire: an image belongs to the first rule that selects it, and those that
// are on a list stay with it.
func expired(rules []rule, all []*image, names map[string][]string, now time.Time) (out []*image) {
	listed := map[string]bool{}
	for _, i := range all {
		for _, d := range i.Children {
			listed[d] = true
		}
	}
	todo := slices.Clone(all)
	slices.SortStableFunc(todo, func(a, b *image) int { return b.Pushed.Compare(a.Pushed) }) // newest first
	for n := range rules {
		s := &rules[n].Selection
		count := 0
		todo = slices.DeleteFunc(todo, func(i *image) bool {
			if listed[i.Digest] || !s.selects(names[i.Digest]) {
				return false
			}
			if count++; s.over(count, i, now) {
				out = append(out, i)
			}
			return true
		})
	}
	return out
}

// over tells whether an image, of its kind the newest but count-1, has had its time.
func (s *selection) over(count int, i *image, now time.Time) bool {
	since := i.Pushed
	switch {
	case s.CountType == byCount:
		return count > s.CountNumber
	case s.CountType == byPull && !i.Pulled.IsZero():
		since = i.Pulled
	}
	return !now.Before(since.AddDate(0, 0, s.CountNumber))
}
