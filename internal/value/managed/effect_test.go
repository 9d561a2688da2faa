package managed_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"cloister/internal/engine/policy"
	"cloister/internal/value/managed"
)

// published is a collection of AWS's texts that is not part of this repository; the comparison runs where it lies beside it.
const published = "../../../../shared/facts/managed-policies.json"

// TestTextsOfOurOwnDecideAsTheirs asks each document of ours and the published one about every action,
// resource and context that either speaks of, and about others: they must always agree.
func TestTextsOfOurOwnDecideAsTheirs(t *testing.T) {
	text, err := os.ReadFile(published)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the published texts, which are not ours to keep here, are not beside the repository")
	}
	if err != nil {
		t.Fatal(err)
	}
	var list []struct {
		PolicyName, Arn, PolicyId string
		Versions                  map[string]struct{ Document json.RawMessage }
	}
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	ours := all(t)
	for _, p := range list {
		t.Run(p.PolicyName, func(t *testing.T) {
			mine := ours[p.PolicyName]
			if mine == nil || mine.ARN() != p.Arn || mine.ID != p.PolicyId {
				t.Fatalf("ours is %+v", mine)
			}
			theirs := string(p.Versions[mine.Default].Document)
			n, wrong := compare(t, mine, theirs)
			if n < 40 {
				t.Errorf("no more than %d requests", n)
			}
			for _, w := range wrong {
				t.Error(w)
			}
		})
	}
}

func compare(t *testing.T, mine *managed.Policy, theirs string) (requests int, wrong []string) {
	t.Helper()
	v := vocabulary(t, mine.Document, theirs)
	a, b := stack(t, mine.Document), stack(t, theirs)
	var contexts []*policy.Context
	for _, c := range v.contexts {
		contexts = append(contexts, c.context())
	}
	for _, action := range v.actions {
		var differs []string
		for _, resource := range v.resources {
			for i, c := range contexts {
				r := policy.Request{Principal: policy.Principal{Kind: policy.User, Account: account, ARN: "arn:aws:iam::" + account + ":user/ann"}, Action: action, Resource: resource}
				r.Context = c
				got := policy.Decide(a, &r).Effect
				if want := policy.Decide(b, &r).Effect; got != want {
					differs = append(differs, fmt.Sprintf("on %s with %v: ours %s, published %s", resource, v.contexts[i], got, want))
				}
				requests++
			}
		}
		if len(differs) > 0 {
			wrong = append(wrong, fmt.Sprintf("%s differs in %d requests, first %s", action, len(differs), differs[0]))
		}
	}
	return requests, wrong
}

func stack(t *testing.T, text string) *policy.Stack {
	t.Helper()
	d, err := policy.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return &policy.Stack{Identity: []policy.Attached{{Document: d}}}
}

const account = "111122223333"

// values are those of condition keys in one request.
type values map[string]string

func (v values) context() *policy.Context {
	c := new(policy.Context)
	for k, text := range v {
		if strings.EqualFold(k, "aws:TagKeys") {
			c.SetNamedMany(k, []string{text})
		} else {
			c.SetNamed(k, text)
		}
	}
	return c
}

// words are what two documents speak of.
type words struct {
	actions, resources []string
	contexts           []values
}

// list is a JSON string or a list of strings.
type list []string

func (l *list) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*l = list{one}
		return nil
	}
	var many []any
	err := json.Unmarshal(text, &many)
	for _, v := range many {
		*l = append(*l, fmt.Sprint(v))
	}
	if err != nil { // a boolean or number
		*l, err = list{string(text)}, nil
	}
	return err
}

// vocabulary collects examples of all that the documents name.
func vocabulary(t *testing.T, documents ...string) words {
	t.Helper()
	actions, resources := map[string]bool{"sagemaker:InventedAction": true, "other:Action": true}, map[string]bool{"*": true, "arn:aws:other:us-east-1:" + account + ":thing/x": true}
	contexts := []values{{}, {"aws:TagKeys": "another"}, {"aws:PrincipalAccount": account, "aws:ResourceAccount": account}, {"aws:PrincipalAccount": account, "aws:ResourceAccount": "999999999999"}}
	for _, text := range documents {
		var d struct {
			Statement []struct {
				Action, NotAction, Resource, NotResource list
				Condition                                map[string]map[string]list
			}
		}
		if err := json.Unmarshal([]byte(text), &d); err != nil {
			t.Fatal(err)
		}
		for _, s := range d.Statement {
			for _, a := range append(s.Action, s.NotAction...) {
				actions[strings.ReplaceAll(a, "*", "Zed")] = true
				actions[strings.TrimSuffix(a, "*")] = strings.Contains(a, ":") && !strings.HasSuffix(a, ":*")
			}
			for _, r := range append(s.Resource, s.NotResource...) {
				resources[filled.Replace(strings.ReplaceAll(r, ":*:*:", ":us-east-1:"+account+":"))] = true
			}
			contexts = append(contexts, satisfying(s.Condition)...)
		}
	}
	delete(actions, "")
	var w words
	for a, is := range actions {
		if is {
			w.actions = append(w.actions, a)
		}
	}
	slices.Sort(w.actions)
	w.resources = slices.Sorted(maps.Keys(resources))
	for _, c := range contexts {
		if !slices.ContainsFunc(w.contexts, func(o values) bool { return maps.Equal(o, c) }) {
			w.contexts = append(w.contexts, c)
		}
	}
	return w
}

// filled puts something in the place of wildcards and variables.
var filled = strings.NewReplacer("${aws:PrincipalAccount}", account, "${sagemaker:DomainId}", "d-1", "${sagemaker:UserProfileName}", "u-1", "*", "zed")

// satisfying gives contexts in which a condition holds, by each of its values, and some in which it nearly does.
func satisfying(condition map[string]map[string]list) (out []values) {
	all := values{"aws:PrincipalAccount": account, "sagemaker:DomainId": "d-1", "sagemaker:UserProfileName": "u-1"}
	for operator, keys := range condition {
		for k, wanted := range keys {
			all[k] = example(operator, wanted[0])
			if all[k] == "" {
				delete(all, k)
			}
		}
	}
	out = append(out, all)
	for operator, keys := range condition {
		for k, wanted := range keys {
			without := maps.Clone(all)
			delete(without, k)
			other := maps.Clone(all)
			other[k] = "something-else"
			upper := maps.Clone(all)
			upper[k] = strings.ToUpper(all[k])
			out = append(out, without, other, upper)
			for _, w := range wanted[1:] {
				one := maps.Clone(all)
				one[k] = example(operator, w)
				out = append(out, one)
			}
		}
	}
	return out
}

// example is a value that satisfies an operator; empty for one that has to be absent.
func example(operator, wanted string) string {
	switch {
	case operator == "Null" && wanted == "true":
		return ""
	case operator == "Null":
		return "present"
	case strings.Contains(operator, "Not"):
		return "something-else"
	}
	return filled.Replace(wanted)
}
