package policy

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

func TestContextKeepsWhatIsSet(t *testing.T) {
	c := &Context{}
	// More numbered keys and tags than the places that come with a Context.
	for k := Key(1); int(k) < len(keyRows); k++ {
		c.Set(k, "old")
		c.Set(k, fmt.Sprint("v", k))
	}
	for i := range 10 {
		c.SetNamed(fmt.Sprint("aws:PrincipalTag/T", i), "old")
		c.SetNamed(fmt.Sprint("aws:principaltag/t", i), fmt.Sprint("t", i))
	}
	for k := Key(1); int(k) < len(keyRows); k++ {
		if got, ok := c.Get(fold(k.Name())); !ok || !slices.Equal(got, []string{fmt.Sprint("v", k)}) {
			t.Errorf("%s: %v %v", k.Name(), got, ok)
		}
	}
	for i := range 10 {
		if got, ok := c.Get(fmt.Sprint("AWS:PrincipalTag/T", i)); !ok || got[0] != fmt.Sprint("t", i) {
			t.Errorf("tag %d: %v %v", i, got, ok)
		}
	}
	if got, ok := c.Get("aws:PrincipalTag/other"); ok {
		t.Error(got)
	}
	c.SetMany(TagKeys, []string{"a", "b"})
	c.SetNamedMany("x:set", []string{"c"})
	c.SetBool(SecureTransport, false)
	for name, want := range map[string][]string{"aws:tagkeys": {"a", "b"}, "X:Set": {"c"}, "aws:SecureTransport": {"false"}} {
		if got, _ := c.Get(name); !slices.Equal(got, want) {
			t.Errorf("%s: %v", name, got)
		}
	}
	c.Set(0, "no key")
	c.Set(Key(255), "no key")
}

func TestKeysOfTheTable(t *testing.T) {
	if len(keyRows) > maxKeys {
		t.Fatal("more keys than a Context has room for")
	}
	seen := map[string]bool{}
	for k := Key(1); int(k) < len(keyRows); k++ {
		if seen[fold(k.Name())] || KeyNamed(k.Name()) != k {
			t.Errorf("%s is in the table twice", k.Name())
		}
		seen[fold(k.Name())] = true
	}
	if KeyNamed("AWS:SOURCEVPCE") != SourceVpce || SourceVpce.Type() != String || SourceVpce.Many() || !TagKeys.Many() || SourceIP.Type() != IPAddress {
		t.Error("the table is not what it says")
	}
	if KeyNamed("aws:PrincipalTag/x") != 0 {
		t.Error("keys of tags have no number")
	}
}

func TestTimeGivesTheClockKeys(t *testing.T) {
	c := &Context{Time: time.Date(2026, 1, 2, 4, 4, 5, 0, time.FixedZone("", 3600))}
	for name, want := range map[string]string{"aws:CurrentTime": "2026-01-02T03:04:05Z", "aws:EpochTime": "1767323045"} {
		if got, ok := c.Get(name); !ok || got[0] != want {
			t.Errorf("%s: %v", name, got)
		}
		if _, ok := (&Context{}).Get(name); ok {
			t.Errorf("%s without a time", name)
		}
	}
	if !allowsWith(t, Version2012, `{"DateLessThan":{"aws:EpochTime":"2026-01-03"},"DateGreaterThan":{"aws:CurrentTime":"2026-01-02T03:04:04Z"}}`, c) {
		t.Error("the two keys do not compare with dates")
	}
}

// lazily counts what it is asked for.
type lazily struct{ asked []string }

func (l *lazily) Fill(c *Context, key Key, name string) {
	l.asked = append(l.asked, name)
	c.Get(name) // a look inside must not ask again
	switch {
	case key == SourceVpc:
		c.Set(SourceVpc, "vpc-1")
	case name == "aws:ResourceTag/team":
		c.SetNamed(name, "vision")
	}
}

func TestFillerIsAskedOnce(t *testing.T) {
	l := &lazily{}
	c := &Context{Filler: l}
	c.Set(Username, "ann")
	for range 3 {
		for name, want := range map[string]bool{"aws:SourceVpc": true, "aws:ResourceTag/team": true, "aws:SourceVpce": false, "aws:ResourceTag/other": false, "aws:username": true} {
			if _, ok := c.Get(name); ok != want {
				t.Errorf("%s: %v", name, ok)
			}
		}
	}
	slices.Sort(l.asked)
	if want := []string{"aws:ResourceTag/other", "aws:ResourceTag/team", "aws:SourceVpc", "aws:SourceVpce"}; !slices.Equal(l.asked, want) {
		t.Error(l.asked)
	}
}
