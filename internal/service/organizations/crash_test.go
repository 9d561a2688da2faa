package organizations_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"cloister/internal/door/doortest"
)

// TestAccountsAreMadeToTheEnd ends the server between the two records of an account: the next one goes on.
func TestAccountsAreMadeToTheEnd(t *testing.T) {
	w := open(t)
	w.begin(t)
	w.dies = true
	in := object{"AccountName": "made", "Email": "made@example.com"}
	if a := ask(t, w.root, "CreateAccount", in); a.Status != 500 {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	n := get(t, w.root, "ListCreateAccountStatus", object{"States": []string{"IN_PROGRESS"}})
	if got := ids(n, "CreateAccountStatuses", "AccountId"); !slices.Equal(got, []string{""}) {
		t.Fatalf("in progress are %v", n)
	}
	request := object{"CreateAccountRequestId": ids(n, "CreateAccountStatuses", "Id")[0]}
	if a := ask(t, w.root, "DeleteOrganization", nil); a.Code != "OrganizationNotEmptyException" {
		t.Errorf("deleting what an account is on its way to: %s", a.Body)
	}
	if got := get(t, w.root, "CreateAccount", in); at(got, "CreateAccountStatus", "FailureReason") != "EMAIL_ALREADY_EXISTS" {
		t.Errorf("the address of one on its way: %v", got)
	}
	for range 2 { // the second time there is nothing to do
		w.restart(t)
		got := get(t, w.root, "DescribeCreateAccountStatus", request)
		id := at(got, "CreateAccountStatus", "AccountId")
		if at(got, "CreateAccountStatus", "State") != "SUCCEEDED" || !slices.Contains(ids(get(t, w.root, "ListAccounts", nil), "Accounts", "Id"), id) {
			t.Errorf("after a crash it is %v", got)
		}
		if got := ids(get(t, w.root, "ListPoliciesForTarget", object{"TargetId": id, "Filter": rcp}), "Policies", "Id"); !slices.Equal(got, []string{"p-RCPFullAWSAccess"}) {
			t.Errorf("it is under %v", got)
		}
	}
}

// TestMany has many callers change one place at once: limits hold, and nothing is lost.
func TestMany(t *testing.T) {
	w := open(t)
	root := w.begin(t)
	var made []string
	for i := range 8 {
		made = append(made, w.policy(t, scp, fmt.Sprint("p", i), doortest.Allow("*")))
	}
	var wait sync.WaitGroup
	codes := make([]string, len(made))
	units := make([]string, len(made))
	for i, p := range made {
		wait.Go(func() { codes[i] = ask(t, w.root, "AttachPolicy", object{"PolicyId": p, "TargetId": root}).Code })
		wait.Go(func() {
			units[i] = ask(t, w.root, "CreateOrganizationalUnit", object{"ParentId": root, "Name": "u"}).Code
		})
	}
	wait.Wait()
	count := func(list []string, code string) (n int) {
		for _, c := range list {
			if c == code {
				n++
			}
		}
		return n
	}
	if count(codes, "") != 4 || count(codes, "ConstraintViolationException") != 4 {
		t.Errorf("attached: %q", codes)
	}
	if count(units, "") != 1 || count(units, "DuplicateOrganizationalUnitException") != 7 {
		t.Errorf("units: %q", units)
	}
	if got := ids(get(t, w.root, "ListPoliciesForTarget", object{"TargetId": root, "Filter": scp}), "Policies", "Id"); len(got) != 5 {
		t.Errorf("the root is under %v", got)
	}
}

// TestAccountLimit counts those that are on their way.
func TestAccountLimit(t *testing.T) {
	w := open(t)
	w.begin(t)
	get(t, w.root, "InviteAccountToOrganization", object{"Target": object{"Type": "ACCOUNT", "Id": doortest.Other}})
	in := func(i int) object {
		return object{"AccountName": "made", "Email": fmt.Sprintf("made-%d@example.com", i)}
	}
	for i := range 8 {
		get(t, w.root, "CreateAccount", in(i))
	}
	for op, in := range map[string]object{"CreateAccount": in(9), "InviteAccountToOrganization": {"Target": object{"Type": "ACCOUNT", "Id": third}}} {
		ask(t, w.root, op, in).Fault(t, 400, "ConstraintViolationException", "You have exceeded the allowed number of AWS accounts.")
	}
}
