package directory_test

import (
	"errors"
	"testing"
	"time"

	"cloister/internal/frame/directory"
	"cloister/internal/value/caller"
)

func TestAPassIsForOnePurposeAndATime(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	d := directory.New([32]byte{7}, func() time.Time { return now })
	role := &directory.Principal{Kind: caller.AssumedRole, Account: "1", ARN: "arn:aws:iam::1:role/r", ID: "AROA1"}
	d.SetPrincipal(role)
	d.SetKey(directory.Key{ID: "AKIA1", Secret: "s", Account: "1", Active: true})
	session := caller.Identity{Kind: caller.AssumedRole, Account: "1", ARN: "arn:aws:sts::1:assumed-role/r/s", PrincipalARN: role.ARN, ID: "AROA1:s", Session: true, AccessKey: "ASIA1"}
	root := caller.Identity{Kind: caller.Root, Account: "1", ARN: "arn:aws:iam::1:root", PrincipalARN: "arn:aws:iam::1:root", ID: "1", AccessKey: "AKIA1"}
	pass := func(id caller.Identity) string {
		p, err := d.Pass("a", id, now.Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	ofSession, ofRoot := pass(session), pass(root)
	want := func(what, purpose, p string, err error) {
		t.Helper()
		if _, got := d.Passed(purpose, p); !errors.Is(got, err) {
			t.Errorf("%s: %v", what, got)
		}
	}
	if id, err := d.Passed("a", ofSession); err != nil || id.ARN != session.ARN || id.ID != session.ID {
		t.Errorf("%+v, %v", id, err)
	}
	want("the root's", "a", ofRoot, nil)
	want("another purpose", "b", ofRoot, directory.ErrBadToken)
	want("another text", "a", ofRoot+"A", directory.ErrBadToken)
	want("none", "a", "", directory.ErrBadToken)
	if p := d.Seal("pass a", []byte("no JSON")); p != "" {
		want("another content", "a", p, directory.ErrBadToken)
	}
	d.RemoveKey("AKIA1")
	want("without its key", "a", ofRoot, directory.ErrBadToken)
	again := *role
	again.ID = "AROA2"
	d.SetPrincipal(&again)
	want("of a role that was made anew", "a", ofSession, directory.ErrBadToken)
	d.SetPrincipal(role)
	now = now.Add(time.Hour)
	want("later", "a", ofSession, directory.ErrExpired)
}
