package iam_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"cloister/internal/door/doortest"
	"cloister/internal/engine/sigv4"
)

func TestGroupsGiveTheirPoliciesToTheirMembers(t *testing.T) {
	h := doortest.Open(t)
	root := h.As(t, h.Root)
	k := h.User(t, "ann", "")
	may := func(action string, want bool) {
		t.Helper()
		if got := h.As(t, k).Query("iam", action).Status == 200; got != want {
			t.Errorf("%s: %v, want %v", action, got, want)
		}
	}
	a := root.Query("iam", "CreateGroup", "GroupName", "Staff", "Path", "/team/").Good(t)
	if a.XML("Arn") != prefix+"group/team/Staff" || !strings.HasPrefix(a.XML("GroupId"), "AGPA") || a.XML("CreateDate") == "" {
		t.Errorf("%s", a.Body)
	}
	root.Query("iam", "CreateGroup", "GroupName", "staff").Fault(t, 409, "EntityAlreadyExists", "Group with name staff already exists.")
	for range 2 { // twice is once
		root.Query("iam", "AddUserToGroup", "GroupName", "staff", "UserName", "ann").Good(t)
	}
	may("ListRoles", false)
	root.Query("iam", "PutGroupPolicy", "GroupName", "staff", "PolicyName", "p", "PolicyDocument", doortest.Allow("iam:ListRoles")).Good(t)
	may("ListRoles", true)
	arn := root.Query("iam", "CreatePolicy", "PolicyName", "lists", "PolicyDocument", doortest.Allow("iam:ListUsers")).Good(t).XML("Arn")
	for range 2 {
		root.Query("iam", "AttachGroupPolicy", "GroupName", "staff", "PolicyArn", arn).Good(t)
	}
	may("ListUsers", true)
	h.Restart()
	root = h.As(t, h.Root)
	may("ListUsers", true)
	if got := root.Query("iam", "ListAttachedGroupPolicies", "GroupName", "staff").Good(t); got.XML("PolicyArn") != arn {
		t.Errorf("%s", got.Body)
	}
	if got := root.Query("iam", "ListEntitiesForPolicy", "PolicyArn", arn).Good(t); got.XML("GroupName") != "Staff" {
		t.Errorf("%s", got.Body)
	}
	if got := root.Query("iam", "GetGroupPolicy", "GroupName", "staff", "PolicyName", "p").Good(t); got.XML("GroupName") != "Staff" || !strings.Contains(got.XML("PolicyDocument"), "ListRoles") {
		t.Errorf("%s", got.Body)
	}
	if got := root.Query("iam", "ListGroupPolicies", "GroupName", "staff").Good(t).All("member"); strings.Join(got, " ") != "p" {
		t.Errorf("%q", got)
	}
	if got := root.Query("iam", "GetGroup", "GroupName", "staff").Good(t); got.XML("UserName") != "ann" || got.XML("GroupName") != "Staff" {
		t.Errorf("%s", got.Body)
	}
	if got := root.Query("iam", "ListGroupsForUser", "UserName", "ann").Good(t).All("GroupName"); strings.Join(got, " ") != "Staff" {
		t.Errorf("%q", got)
	}
	if got := root.Query("iam", "ListGroups", "PathPrefix", "/team/").Good(t).All("GroupName"); strings.Join(got, " ") != "Staff" {
		t.Errorf("%q", got)
	}
	// Another name: who is in it stays.
	root.Query("iam", "UpdateGroup", "GroupName", "staff", "NewGroupName", "crew", "NewPath", "/").Good(t)
	may("ListUsers", true)
	if got := root.Query("iam", "ListGroupsForUser", "UserName", "ann").Good(t); got.XML("Arn") != prefix+"group/crew" {
		t.Errorf("%s", got.Body)
	}
	root.Query("iam", "GetGroup", "GroupName", "staff").Fault(t, 404, "NoSuchEntity", "The group with name staff cannot be found.")
	const conflict = "DeleteConflict"
	root.Query("iam", "DeleteGroup", "GroupName", "crew").Fault(t, 409, conflict, "Cannot delete entity, must detach all policies first.")
	root.Query("iam", "DetachGroupPolicy", "GroupName", "crew", "PolicyArn", arn).Good(t)
	may("ListUsers", false)
	root.Query("iam", "DetachGroupPolicy", "GroupName", "crew", "PolicyArn", arn).Fault(t, 404, "NoSuchEntity", "Policy "+arn+" was not found.")
	root.Query("iam", "DeleteGroup", "GroupName", "crew").Fault(t, 409, conflict, "Cannot delete entity, must delete policies first.")
	root.Query("iam", "DeleteGroupPolicy", "GroupName", "crew", "PolicyName", "p").Good(t)
	root.Query("iam", "DeleteGroupPolicy", "GroupName", "crew", "PolicyName", "p").Fault(t, 404, "NoSuchEntity", "The group policy with name p cannot be found.")
	root.Query("iam", "DeleteGroup", "GroupName", "crew").Fault(t, 409, conflict, "Cannot delete entity, must remove users from group first.")
	root.Query("iam", "PutGroupPolicy", "GroupName", "crew", "PolicyName", "p", "PolicyDocument", doortest.Allow("iam:ListRoles")).Good(t)
	root.Query("iam", "RemoveUserFromGroup", "GroupName", "crew", "UserName", "ann").Good(t)
	may("ListRoles", false)
	root.Query("iam", "DeleteGroupPolicy", "GroupName", "crew", "PolicyName", "p").Good(t)
	root.Query("iam", "DeleteGroup", "GroupName", "crew").Good(t)
	root.Query("iam", "DeleteGroup", "GroupName", "crew").Fault(t, 404, "NoSuchEntity", "The group with name crew cannot be found.")
}

func TestGroupsRefuse(t *testing.T) {
	h := doortest.Open(t)
	root := h.As(t, h.Root)
	root.Query("iam", "CreateUser", "UserName", "ann").Good(t)
	for i := range 11 {
		root.Query("iam", "CreateGroup", "GroupName", fmt.Sprint("g", i)).Good(t)
	}
	for i := range 10 {
		root.Query("iam", "AddUserToGroup", "GroupName", fmt.Sprint("g", i), "UserName", "ann").Good(t)
	}
	half := strings.Replace(doortest.Allow("s3:*"), `"*"`, `"arn:aws:s3:::`+strings.Repeat("a", 2700)+`"`, 1)
	root.Query("iam", "PutGroupPolicy", "GroupName", "g0", "PolicyName", "one", "PolicyDocument", half).Good(t)
	for name, c := range map[string]struct {
		op     string
		params []string
		want   says
	}{
		"eleventh group":   {"AddUserToGroup", []string{"GroupName", "g10", "UserName", "ann"}, says{409, "LimitExceeded", "Cannot exceed quota for GroupsPerUser: 10"}},
		"no group":         {"AddUserToGroup", []string{"GroupName", "none", "UserName", "ann"}, says{404, "NoSuchEntity", "The group with name none cannot be found."}},
		"no user":          {"AddUserToGroup", []string{"GroupName", "g0", "UserName", "none"}, says{404, "NoSuchEntity", "The user with name none cannot be found."}},
		"sum of sizes":     {"PutGroupPolicy", []string{"GroupName", "g0", "PolicyName", "two", "PolicyDocument", half}, says{409, "LimitExceeded", "Maximum policy size of 5120 bytes exceeded for group g0"}},
		"member goes":      {"DeleteUser", []string{"UserName", "ann"}, says{409, "DeleteConflict", "Cannot delete entity, must remove users from group first."}},
		"name taken":       {"UpdateGroup", []string{"GroupName", "g0", "NewGroupName", "G1"}, says{409, "EntityAlreadyExists", "Group with name G1 already exists."}},
		"characters":       {"CreateGroup", []string{"GroupName", "a b"}, says{400, "ValidationError", "1 validation error detected: Value at 'groupName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]+"}},
		"policy malformed": {"PutGroupPolicy", []string{"GroupName", "g0", "PolicyName", "two", "PolicyDocument", "{"}, says{400, "MalformedPolicyDocument", "Syntax errors in policy."}},
		"attach what not":  {"AttachGroupPolicy", []string{"GroupName", "g0", "PolicyArn", prefix + "policy/none"}, says{404, "NoSuchEntity", "Policy " + prefix + "policy/none does not exist or is not attachable."}},
	} {
		t.Run(name, func(t *testing.T) {
			a := root.Query("iam", c.op, c.params...)
			if c.want.code == "MalformedPolicyDocument" {
				if a.Code != c.want.code || !strings.HasPrefix(a.Text, c.want.text) {
					t.Errorf("%d %s %s", a.Status, a.Code, a.Text)
				}
				return
			}
			a.Fault(t, c.want.status, c.want.code, c.want.text)
		})
	}
	var got []string
	marker := []string{"UserName", "ann", "MaxItems", "4"}
	for range 3 {
		a := root.Query("iam", "ListGroupsForUser", marker...).Good(t)
		got = append(got, a.All("GroupName")...)
		marker = []string{"UserName", "ann", "MaxItems", "4", "Marker", a.XML("Marker")}
	}
	if len(got) != 10 {
		t.Errorf("pages of %q", got)
	}
}

func TestGroupsAskForWhatTheyNeed(t *testing.T) {
	h := doortest.Open(t)
	root := h.As(t, h.Root)
	root.Query("iam", "CreateGroup", "GroupName", "Staff", "Path", "/team/").Good(t)
	k := h.User(t, "ann", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:*","Resource":["`+prefix+`group/team/*","`+prefix+`user/ann"]}]}`)
	ann := h.As(t, k)
	ann.Query("iam", "AddUserToGroup", "GroupName", "staff", "UserName", "ann").Good(t) // its path is known
	ann.Query("iam", "UpdateGroup", "GroupName", "STAFF", "NewGroupName", "crew").Good(t)
	ann.Query("iam", "UpdateGroup", "GroupName", "crew", "NewPath", "/").Fault(t, 403, "AccessDenied",
		"User: "+prefix+"user/ann is not authorized to perform: iam:UpdateGroup on resource: "+prefix+"group/crew because no identity-based policy allows the iam:UpdateGroup action")
	ann.Query("iam", "UpdateUser", "UserName", "ann", "NewUserName", "boss").Fault(t, 403, "AccessDenied",
		"User: "+prefix+"user/ann is not authorized to perform: iam:UpdateUser on resource: "+prefix+"user/boss because no identity-based policy allows the iam:UpdateUser action")
	for op, params := range map[string][]string{"CreateGroup": {"GroupName", "x"}, "DeleteGroup": {"GroupName", "x"}, "GetGroup": {"GroupName", "x"}, "ListGroups": nil,
		"PutGroupPolicy": {"GroupName", "x", "PolicyName", "p", "PolicyDocument", doortest.Allow("*")}, "AttachGroupPolicy": {"GroupName", "x", "PolicyArn", admin}} {
		if a := ann.Query("iam", op, params...); a.Code != "AccessDenied" {
			t.Errorf("%s: %d %s", op, a.Status, a.Body)
		}
	}
}

func TestAnotherNameKeepsAllElse(t *testing.T) {
	h := doortest.Open(t)
	root := h.As(t, h.Root)
	k := h.User(t, "ann", doortest.Allow("iam:GetUser"))
	root.Query("iam", "CreateUser", "UserName", "bob").Good(t)
	root.Query("iam", "CreateGroup", "GroupName", "staff").Good(t)
	root.Query("iam", "AddUserToGroup", "GroupName", "staff", "UserName", "ann").Good(t)
	id := root.Query("iam", "GetUser", "UserName", "ann").Good(t).XML("UserId")
	role := h.Role(t, "worker", "")
	root.Query("iam", "UpdateAssumeRolePolicy", "RoleName", "worker", "PolicyDocument",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"`+prefix+`user/ann"},"Action":"sts:AssumeRole"}]}`).Good(t)
	root.Query("iam", "UpdateUser", "UserName", "ann", "NewUserName", "BOB").Fault(t, 409, "EntityAlreadyExists", "User with name BOB already exists.")
	root.Query("iam", "UpdateUser", "UserName", "none", "NewUserName", "x").Fault(t, 404, "NoSuchEntity", "The user with name none cannot be found.")
	temporary := h.As(t, k).Query("sts", "GetSessionToken").Good(t)
	session := h.As(t, sigv4.Credentials{AccessKey: temporary.XML("AccessKeyId"), Secret: temporary.XML("SecretAccessKey"), Token: temporary.XML("SessionToken")})
	session.Query("sts", "GetCallerIdentity").Good(t)
	root.Query("iam", "UpdateUser", "UserName", "ann", "NewUserName", "Anna", "NewPath", "/team/").Good(t)
	session.Query("sts", "GetCallerIdentity").Fault(t, 403, "InvalidClientTokenId", "The security token included in the request is invalid")
	for range 2 {
		if a := h.As(t, k).Query("iam", "GetUser").Good(t); a.XML("Arn") != prefix+"user/team/Anna" || a.XML("UserId") != id {
			t.Errorf("%s", a.Body)
		}
		root = h.As(t, h.Root)
		if a := root.Query("iam", "GetGroup", "GroupName", "staff").Good(t); a.XML("UserName") != "Anna" {
			t.Errorf("%s", a.Body)
		}
		if a := root.Query("iam", "ListAccessKeys", "UserName", "anna").Good(t); a.XML("AccessKeyId") != k.AccessKey {
			t.Errorf("%s", a.Body)
		}
		h.As(t, k).Query("sts", "AssumeRole", "RoleArn", role, "RoleSessionName", "one").Good(t) // the trust policy means her, not her name
		h.Restart()
	}
	root = h.As(t, h.Root)
	root.Query("iam", "GetUser", "UserName", "ann").Fault(t, 404, "NoSuchEntity", "The user with name ann cannot be found.")
	root.Query("iam", "UpdateUser", "UserName", "anna", "NewUserName", "ANNA").Good(t) // case alone
	other := h.User(t, "ann", "")
	if a := h.As(t, other).Query("sts", "AssumeRole", "RoleArn", role, "RoleSessionName", "one"); a.Status == 200 {
		t.Error("who has the name now is trusted")
	}
}

func TestMembershipsOfManyAtOnce(t *testing.T) {
	h := doortest.Open(t)
	root := h.As(t, h.Root)
	root.Query("iam", "CreateUser", "UserName", "ann").Good(t)
	for i := range 12 {
		root.Query("iam", "CreateGroup", "GroupName", fmt.Sprint("g", i)).Good(t)
	}
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() { root.Query("iam", "AddUserToGroup", "GroupName", fmt.Sprint("g", i), "UserName", "ann") })
	}
	wg.Wait()
	if got := root.Query("iam", "ListGroupsForUser", "UserName", "ann").Good(t).All("GroupName"); len(got) != 10 {
		t.Errorf("in %q", got)
	}
}
