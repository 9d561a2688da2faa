package organizations_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloister/internal/door/doortest"
)

func TestOrganization(t *testing.T) {
	w := open(t)
	const none = "Your account is not a member of an organization."
	for _, op := range []string{"DescribeOrganization", "DeleteOrganization", "ListRoots", "ListAccounts", "LeaveOrganization", "ListHandshakesForOrganization"} {
		ask(t, w.root, op, nil).Fault(t, 400, "AWSOrganizationsNotInUseException", none)
	}
	if a := ask(t, w.root, "CreateOrganization", object{"FeatureSet": "CONSOLIDATED_BILLING"}); a.Code != "InvalidInputException" || !strings.Contains(string(a.Body), `"Reason":"INVALID_ENUM"`) {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	ask(t, w.root, "CreateOrganization", object{"FeatureSet": "SOME"}).Fault(t, 400, "InvalidInputException",
		"1 validation error detected: Value 'SOME' at 'featureSet' failed to satisfy constraint: Member must satisfy enum value set: [ALL, CONSOLIDATED_BILLING]")

	o := get(t, w.root, "CreateOrganization", nil)
	id := at(o, "Organization", "Id")
	if !strings.HasPrefix(id, "o-") || at(o, "Organization", "MasterAccountArn") != "arn:aws:organizations::111122223333:account/"+id+"/111122223333" || at(o, "Organization", "FeatureSet") != "ALL" {
		t.Errorf("made is %v", o)
	}
	ask(t, w.root, "CreateOrganization", nil).Fault(t, 400, "AlreadyInOrganizationException", "The AWS account is already a member of an organization.")

	// A member is told of the organisation, and of nothing in it.
	w.invited(t, w.other, doortest.Other)
	if got := at(get(t, w.other, "DescribeOrganization", nil), "Organization", "Id"); got != id {
		t.Errorf("a member is in %s", got)
	}
	for op, in := range map[string]object{"ListRoots": nil, "ListAccounts": nil, "DescribeAccount": {"AccountId": doortest.Other}, "DeleteOrganization": nil,
		"ListPolicies": {"Filter": scp}, "CreatePolicy": {"Type": scp, "Name": "n", "Description": "", "Content": doortest.Allow("*")}} {
		ask(t, w.other, op, in).Fault(t, 400, "AccessDeniedException", "You don't have permissions to access this resource.")
	}
	ask(t, w.other, "CreateOrganization", nil).Fault(t, 400, "AlreadyInOrganizationException", "The AWS account is already a member of an organization.")
	ask(t, w.thirds, "DescribeOrganization", nil).Fault(t, 400, "AWSOrganizationsNotInUseException", none)

	ask(t, w.root, "DeleteOrganization", nil).Fault(t, 400, "OrganizationNotEmptyException", "To delete an organization you must first remove all member accounts (except the master).")
	ask(t, w.root, "LeaveOrganization", nil).Fault(t, 400, "MasterCannotLeaveOrganizationException",
		"You can't remove a management account from an organization. If you want the management account to become a member account in another organization, you must first delete the current organization of the management account.")
	get(t, w.other, "LeaveOrganization", nil)
	w.invited(t, w.other, doortest.Other)
	get(t, w.root, "RemoveAccountFromOrganization", object{"AccountId": doortest.Other})
	ask(t, w.root, "RemoveAccountFromOrganization", object{"AccountId": doortest.Other}).Fault(t, 400, "AccountNotFoundException", "You specified an account that doesn't exist.")
	get(t, w.root, "DeleteOrganization", nil)
	ask(t, w.root, "DescribeOrganization", nil).Fault(t, 400, "AWSOrganizationsNotInUseException", none)
	get(t, w.root, "CreateOrganization", object{"FeatureSet": "ALL"})
}

func TestUnits(t *testing.T) {
	w := open(t)
	root := w.begin(t)
	unit := func(parent, name string) string {
		t.Helper()
		return at(get(t, w.root, "CreateOrganizationalUnit", object{"ParentId": parent, "Name": name}), "OrganizationalUnit", "Id")
	}
	a := unit(root, "a")
	if !strings.HasPrefix(a, "ou-"+strings.TrimPrefix(root, "r-")+"-") {
		t.Errorf("the unit is %s", a)
	}
	ask(t, w.root, "CreateOrganizationalUnit", object{"ParentId": root, "Name": "A"}).Fault(t, 400, "DuplicateOrganizationalUnitException", "An OU with the same name already exists.")
	ask(t, w.root, "CreateOrganizationalUnit", object{"ParentId": "r-none", "Name": "b"}).Fault(t, 400, "ParentNotFoundException", "You specified a parent that doesn't exist.")
	b := unit(a, "a") // the same name elsewhere
	deep := b
	for range 3 {
		deep = unit(deep, "deeper")
	}
	if x := ask(t, w.root, "CreateOrganizationalUnit", object{"ParentId": deep, "Name": "sixth"}); x.Code != "ConstraintViolationException" || !strings.Contains(string(x.Body), "OU_DEPTH_LIMIT_EXCEEDED") {
		t.Errorf("the sixth is %s", x.Body)
	}
	get(t, w.root, "UpdateOrganizationalUnit", object{"OrganizationalUnitId": b, "Name": "b"})
	c := unit(a, "c")
	ask(t, w.root, "UpdateOrganizationalUnit", object{"OrganizationalUnitId": c, "Name": "B"}).Fault(t, 400, "DuplicateOrganizationalUnitException", "An OU with the same name already exists.")
	if got := at(get(t, w.root, "DescribeOrganizationalUnit", object{"OrganizationalUnitId": b}), "OrganizationalUnit", "Name"); got != "b" {
		t.Errorf("renamed it is %s", got)
	}

	// Pages, children and parents.
	first := get(t, w.root, "ListOrganizationalUnitsForParent", object{"ParentId": a, "MaxResults": 1})
	second := get(t, w.root, "ListOrganizationalUnitsForParent", object{"ParentId": a, "MaxResults": 1, "NextToken": first["NextToken"]})
	all := append(ids(first, "OrganizationalUnits", "Id"), ids(second, "OrganizationalUnits", "Id")...)
	if slices.Sort(all); !slices.Equal(all, slices.Sorted(slices.Values([]string{b, c}))) || second["NextToken"] != nil {
		t.Errorf("pages are %v and %v", first, second)
	}
	if x := ask(t, w.root, "ListRoots", object{"NextToken": "r-forged"}); x.Code != "InvalidInputException" {
		t.Errorf("a forged token: %s", x.Body)
	}
	w.invited(t, w.other, doortest.Other)
	move := func(from, to string) *doortest.Answer {
		return ask(t, w.root, "MoveAccount", object{"AccountId": doortest.Other, "SourceParentId": from, "DestinationParentId": to})
	}
	move(a, b).Fault(t, 400, "SourceParentNotFoundException", "You specified a source parent that doesn't exist.")
	move(root, "r-none").Fault(t, 400, "DestinationParentNotFoundException", "You specified a destination parent that doesn't exist.")
	move(root, root).Fault(t, 400, "DuplicateAccountException", "The specified account already exists in the destination parent.")
	move(root, b).Good(t)
	if got := ids(get(t, w.root, "ListChildren", object{"ParentId": b, "ChildType": "ACCOUNT"}), "Children", "Id"); !slices.Equal(got, []string{doortest.Other}) {
		t.Errorf("below is %v", got)
	}
	if got := get(t, w.root, "ListParents", object{"ChildId": doortest.Other}); ids(got, "Parents", "Id")[0] != b || ids(got, "Parents", "Type")[0] != "ORGANIZATIONAL_UNIT" {
		t.Errorf("above is %v", got)
	}
	if got := ids(get(t, w.root, "ListAccountsForParent", object{"ParentId": root}), "Accounts", "Id"); !slices.Equal(got, []string{doortest.Account}) {
		t.Errorf("below the root is %v", got)
	}
	ask(t, w.root, "ListParents", object{"ChildId": root}).Fault(t, 400, "InvalidInputException",
		"1 validation error detected: Value '"+root+"' at 'childId' failed to satisfy constraint: Member must satisfy regular expression pattern: ^(\\d{12})|(ou-[0-9a-z]{4,32}-[a-z0-9]{8,32})$")
	ask(t, w.root, "ListParents", object{"ChildId": third}).Fault(t, 400, "ChildNotFoundException", "You specified a child that doesn't exist.")

	remove := func(id string) *doortest.Answer {
		return ask(t, w.root, "DeleteOrganizationalUnit", object{"OrganizationalUnitId": id})
	}
	if x := remove(b); x.Code != "OrganizationalUnitNotEmptyException" {
		t.Errorf("with an account in it: %s", x.Body)
	}
	remove(c).Good(t)
	remove(c).Fault(t, 400, "OrganizationalUnitNotFoundException", "You specified an organizational unit that doesn't exist.")
	if got := ids(get(t, w.root, "ListTargetsForPolicy", object{"PolicyId": "p-FullAWSAccess"}), "Targets", "TargetId"); slices.Contains(got, c) || !slices.Contains(got, b) || !slices.Contains(got, doortest.Other) {
		t.Errorf("what is there is under FullAWSAccess: %v", got)
	}
}

func TestHandshakes(t *testing.T) {
	w := open(t)
	w.begin(t)
	invite := func(kind, id string) *doortest.Answer {
		return ask(t, w.root, "InviteAccountToOrganization", object{"Target": object{"Type": kind, "Id": id}, "Notes": "come in"})
	}
	for kind, id := range map[string]string{"ACCOUNT": "999999999999", "EMAIL": "a@b.example", "ORGANIZATION": "o-1"} {
		if a := invite(kind, id); a.Code != "InvalidInputException" {
			t.Errorf("%s %s: %s", kind, id, a.Body)
		}
	}
	if a := invite("ACCOUNT", doortest.Account); a.Code != "HandshakeConstraintViolationException" {
		t.Errorf("itself: %s", a.Body)
	}
	var h object
	invite("ACCOUNT", doortest.Other).Good(t).JSON(t, &h)
	id := at(h, "Handshake", "Id")
	invite("ACCOUNT", doortest.Other).Fault(t, 400, "DuplicateHandshakeException", "A handshake with the same action and target already exists.")
	answer := func(c *doortest.Client, op string) *doortest.Answer {
		return ask(t, c, op, object{"HandshakeId": id})
	}
	const unknown = "You specified a handshake that doesn't exist."
	answer(w.thirds, "DescribeHandshake").Fault(t, 400, "HandshakeNotFoundException", unknown)
	answer(w.thirds, "AcceptHandshake").Fault(t, 400, "HandshakeNotFoundException", unknown)
	answer(w.root, "AcceptHandshake").Fault(t, 400, "AccessDeniedException", "You don't have permissions to access this resource.")
	answer(w.other, "CancelHandshake").Fault(t, 400, "AccessDeniedException", "You don't have permissions to access this resource.")
	if got := ids(get(t, w.other, "ListHandshakesForAccount", nil), "Handshakes", "State"); !slices.Equal(got, []string{"OPEN"}) {
		t.Errorf("received are %v", got)
	}
	answer(w.other, "DeclineHandshake").Good(t)
	answer(w.other, "DeclineHandshake").Fault(t, 400, "HandshakeAlreadyInStateException", "The specified handshake is already in the requested state.")
	answer(w.other, "AcceptHandshake").Fault(t, 400, "InvalidHandshakeTransitionException", "You can't perform the operation on the handshake in its current state.")

	invite("ACCOUNT", doortest.Other).Good(t).JSON(t, &h)
	id = at(h, "Handshake", "Id")
	answer(w.root, "CancelHandshake").Good(t)
	invite("ACCOUNT", doortest.Other).Good(t).JSON(t, &h)
	id = at(h, "Handshake", "Id")

	// One of two organisations gets an account, whoever asks first.
	get(t, w.thirds, "CreateOrganization", nil)
	second := at(get(t, w.thirds, "InviteAccountToOrganization", object{"Target": object{"Type": "ACCOUNT", "Id": doortest.Other}}), "Handshake", "Id")
	var wait sync.WaitGroup
	codes := make([]string, 2)
	for i, h := range []string{id, second} {
		wait.Go(func() { codes[i] = ask(t, w.other, "AcceptHandshake", object{"HandshakeId": h}).Code })
	}
	wait.Wait()
	if slices.Sort(codes); !slices.Equal(codes, []string{"", "HandshakeConstraintViolationException"}) {
		t.Errorf("two acceptances are %q", codes)
	}
	if got := ids(get(t, w.root, "ListHandshakesForOrganization", nil), "Handshakes", "State"); len(got) != 3 || !slices.Contains(got, "DECLINED") || !slices.Contains(got, "CANCELED") {
		t.Errorf("sent are %v", got)
	}
	if got := get(t, w.root, "ListHandshakesForOrganization", object{"Filter": object{"ActionType": "ENABLE_ALL_FEATURES"}}); len(ids(got, "Handshakes", "Id")) != 0 {
		t.Errorf("of another action: %v", got)
	}
}

// TestOldHandshakes: an invitation is open for fifteen days, shown for thirty more, and ends with the organisation.
func TestOldHandshakes(t *testing.T) {
	w := open(t)
	root := w.begin(t)
	invite := object{"Target": object{"Type": "ACCOUNT", "Id": doortest.Other}}
	states := func() []string { return ids(get(t, w.other, "ListHandshakesForAccount", nil), "Handshakes", "State") }
	old := object{"HandshakeId": at(get(t, w.root, "InviteAccountToOrganization", invite), "Handshake", "Id")}
	w.Pass(15*24*time.Hour + time.Second)
	if got := states(); !slices.Equal(got, []string{"EXPIRED"}) {
		t.Errorf("after fifteen days there are %v", got)
	}
	ask(t, w.other, "AcceptHandshake", old).Fault(t, 400, "InvalidHandshakeTransitionException", "You can't perform the operation on the handshake in its current state.")
	get(t, w.root, "InviteAccountToOrganization", invite)
	w.Pass(31 * 24 * time.Hour)
	if got := states(); !slices.Equal(got, []string{"EXPIRED"}) {
		t.Errorf("a month later there are %v", got)
	}
	get(t, w.root, "CreateOrganizationalUnit", object{"ParentId": root, "Name": "left"})
	h := object{"HandshakeId": at(get(t, w.root, "InviteAccountToOrganization", invite), "Handshake", "Id")}
	get(t, w.root, "DeleteOrganization", nil)
	ask(t, w.other, "AcceptHandshake", h).Fault(t, 400, "HandshakeNotFoundException", "You specified a handshake that doesn't exist.")
	w.restart(t)
	if got := states(); len(got) != 0 {
		t.Errorf("after the organisation there are %v", got)
	}
	ask(t, w.root, "ListAWSServiceAccessForOrganization", nil).Fault(t, 400, "AWSOrganizationsNotInUseException", "Your account is not a member of an organization.")
	w.begin(t)
	if got := get(t, w.root, "ListAWSServiceAccessForOrganization", nil); len(ids(got, "EnabledServicePrincipals", "ServicePrincipal")) != 0 {
		t.Errorf("services with access are %v", got)
	}
}

func TestCreateAccount(t *testing.T) {
	w := open(t)
	w.begin(t)
	create := func(email string, more ...string) object {
		in := object{"AccountName": "made", "Email": email}
		for i := 0; i < len(more); i += 2 {
			in[more[i]] = more[i+1]
		}
		return get(t, w.root, "CreateAccount", in)
	}
	n := create("made@example.com")
	id, request := at(n, "CreateAccountStatus", "AccountId"), at(n, "CreateAccountStatus", "Id")
	if at(n, "CreateAccountStatus", "State") != "SUCCEEDED" || len(id) != 12 || !strings.HasPrefix(request, "car-") {
		t.Fatalf("made is %v", n)
	}
	if got := get(t, w.root, "DescribeCreateAccountStatus", object{"CreateAccountRequestId": request}); at(got, "CreateAccountStatus", "AccountId") != id {
		t.Errorf("described it is %v", got)
	}
	if got := get(t, w.root, "DescribeAccount", object{"AccountId": id}); at(got, "Account", "Email") != "made@example.com" || at(got, "Account", "JoinedMethod") != "CREATED" {
		t.Errorf("the account is %v", got)
	}
	if got := create("MADE@example.com"); at(got, "CreateAccountStatus", "FailureReason") != "EMAIL_ALREADY_EXISTS" || at(got, "CreateAccountStatus", "AccountId") != "" {
		t.Errorf("the same address again: %v", got)
	}
	ask(t, w.root, "DescribeCreateAccountStatus", object{"CreateAccountRequestId": "car-00000000"}).Fault(t, 400, "CreateAccountStatusNotFoundException", "You specified a create account request that doesn't exist.")

	// The management account's people come in by the role, as administrators, under the service control policies.
	ann := w.As(t, w.User(t, "ann", doortest.Allow("sts:AssumeRole")))
	inside := w.As(t, ann.Assume("arn:aws:iam::"+id+":role/OrganizationAccountAccessRole", "visit"))
	inside.Query("iam", "CreateUser", "UserName", "first").Good(t)
	own := create("named@example.com", "RoleName", "Door")
	ann.Assume("arn:aws:iam::"+at(own, "CreateAccountStatus", "AccountId")+":role/Door", "visit")

	// No policy of the organisation keeps the service from furnishing an account, and all keep who comes in.
	root := ids(get(t, w.root, "ListRoots", nil), "Roots", "Id")[0]
	get(t, w.root, "AttachPolicy", object{"PolicyId": w.policy(t, scp, "no iam", doortest.Deny("iam:*")), "TargetId": root})
	bound := create("bound@example.com")
	inside = w.As(t, ann.Assume("arn:aws:iam::"+at(bound, "CreateAccountStatus", "AccountId")+":role/OrganizationAccountAccessRole", "visit"))
	if a := inside.Query("iam", "ListUsers"); a.Code != "AccessDenied" || !strings.Contains(a.Text, "with an explicit deny in a service control policy: arn:aws:organizations::111122223333:policy/o-") {
		t.Errorf("a session in an account under policies: %s", a.Body)
	}

	w.breaks = true
	if got := create("broken@example.com"); at(got, "CreateAccountStatus", "State") != "FAILED" || at(got, "CreateAccountStatus", "FailureReason") != "INTERNAL_FAILURE" {
		t.Errorf("what cannot be made is %v", got)
	}
	if got := ids(get(t, w.root, "ListCreateAccountStatus", object{"States": []string{"FAILED"}}), "CreateAccountStatuses", "State"); len(got) != 2 {
		t.Errorf("failed are %v", got)
	}
	if got := ids(get(t, w.root, "ListAccounts", nil), "Accounts", "Name"); len(got) != 4 {
		t.Errorf("accounts are %v", got)
	}
}
