package iam_test

import (
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"

	"cloister/internal/door/doortest"
)

const (
	trust  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"sagemaker.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	prefix = "arn:aws:iam::111122223333:"
	admin  = "arn:aws:iam::aws:policy/AdministratorAccess"
)

// says is the fault that a call must be answered with.
type says struct {
	status     int
	code, text string
}

func TestUsersComeAndGo(t *testing.T) {
	h := doortest.Open(t)
	root := h.As(t, h.Root)
	a := root.Query("iam", "CreateUser", "UserName", "ann", "Path", "/team/", "Tags.member.1.Key", "k", "Tags.member.1.Value", "v").Good(t)
	if a.XML("Arn") != prefix+"user/team/ann" || a.XML("Path") != "/team/" || !strings.HasPrefix(a.XML("UserId"), "AIDA") || len(a.XML("UserId")) != 21 || a.XML("Value") != "v" || a.XML("CreateDate") == "" {
		t.Errorf("%s", a.Body)
	}
	id := a.XML("UserId")
	root.Query("iam", "CreateUser", "UserName", "ANN").Fault(t, 409, "EntityAlreadyExists", "User with name ANN already exists.")
	if got := root.Query("iam", "GetUser", "UserName", "Ann").Good(t); got.XML("UserId") != id || got.XML("UserName") != "ann" {
		t.Errorf("%s", got.Body)
	}
	root.Query("iam", "CreateUser", "UserName", "bob").Good(t)
	if got := root.Query("iam", "ListUsers").Good(t).All("UserName"); strings.Join(got, " ") != "ann bob" {
		t.Errorf("listed %v", got)
	}
	if got := root.Query("iam", "ListUsers", "PathPrefix", "/team/").Good(t).All("UserName"); strings.Join(got, " ") != "ann" {
		t.Errorf("listed %v", got)
	}
	h.Restart()
	root = h.As(t, h.Root)
	if got := root.Query("iam", "GetUser", "UserName", "ann").Good(t).XML("UserId"); got != id {
		t.Errorf("after a restart: %s", got)
	}
	root.Query("iam", "DeleteUser", "UserName", "ann").Good(t)
	for _, op := range []string{"DeleteUser", "GetUser", "ListUserTags", "ListUserPolicies", "ListAttachedUserPolicies", "ListAccessKeys", "CreateAccessKey", "ListGroupsForUser"} {
		root.Query("iam", op, "UserName", "ann").Fault(t, 404, "NoSuchEntity", "The user with name ann cannot be found.")
	}
	if got := root.Query("iam", "CreateUser", "UserName", "ann").Good(t).XML("UserId"); got == id {
		t.Error("a new user has the id of the one that was deleted")
	}
}

func TestGetUserWithoutANameIsWhoAsks(t *testing.T) {
	h := doortest.Open(t)
	root := h.As(t, h.Root)
	if a := root.Query("iam", "GetUser").Good(t); a.XML("Arn") != prefix+"root" || a.XML("UserId") != doortest.Account {
		t.Errorf("%s", a.Body)
	}
	ann := h.As(t, h.User(t, "ann", doortest.Allow("*")))
	if a := ann.Query("iam", "GetUser").Good(t); a.XML("Arn") != prefix+"user/ann" {
		t.Errorf("%s", a.Body)
	}
	session := h.As(t, ann.Assume(h.Role(t, "worker", doortest.Allow("*")), "one"))
	for _, op := range []string{"GetUser", "CreateAccessKey", "ListAccessKeys"} {
		session.Query("iam", op).Fault(t, 400, "ValidationError", "Must specify userName when calling with non-User credentials")
	}
}

func TestWhatIsMalformedIsRefused(t *testing.T) {
	h := doortest.Open(t)
	root := h.As(t, h.Root)
	root.Query("iam", "CreateUser", "UserName", "ann").Good(t)
	root.Query("iam", "CreateRole", "RoleName", "worker", "AssumeRolePolicyDocument", trust).Good(t)
	long := func(n int) string {
		const head, tail = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::`, `"}]}`
		return head + strings.Repeat("a", n-len(head)-len(tail)) + tail + strings.Repeat(" \n", 50) // blanks do not count
	}
	root.Query("iam", "CreatePolicy", "PolicyName", "longest", "PolicyDocument", long(6144)).Good(t)
	for name, c := range map[string]struct {
		op     string
		params []string
		want   says
	}{
		"name missing": {"CreateUser", nil, says{400, "ValidationError", "1 validation error detected: Value at 'userName' failed to satisfy constraint: Member must not be null"}},
		"name of bad characters": {"CreateUser", []string{"UserName", "a b"}, says{400, "ValidationError",
			"1 validation error detected: Value at 'userName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]+"}},
		"boundary": {"CreateUser", []string{"UserName", "x", "PermissionsBoundary", prefix + "policy/none"}, says{404, "NoSuchEntity",
			"Scope ARN: " + prefix + "policy/none does not exist or is not attachable."}},
		"tags twice": {"CreateUser", []string{"UserName", "x", "Tags.member.1.Key", "a", "Tags.member.1.Value", "1", "Tags.member.2.Key", "A", "Tags.member.2.Value", "2"},
			says{400, "InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive."}},
		"AWS's own tag": {"CreateUser", []string{"UserName", "x", "Tags.member.1.Key", "Aws:a", "Tags.member.1.Value", "1"},
			says{400, "InvalidInput", "aws: prefixed tag key names are not allowed for external use."}},
		"status": {"UpdateAccessKey", []string{"UserName", "ann", "AccessKeyId", "AKIAAAAAAAAAAAAAAAAA", "Status", "Dozing"}, says{400, "ValidationError",
			"1 validation error detected: Value at 'status' failed to satisfy constraint: Member must satisfy enum value set"}},
		"expired": {"UpdateAccessKey", []string{"UserName", "ann", "AccessKeyId", "AKIAAAAAAAAAAAAAAAAA", "Status", "Expired"}, says{400, "InvalidInput",
			"Status Expired is not supported by Cloister: make the key Inactive, or delete it."}},
		"key of nobody":       {"DeleteAccessKey", []string{"UserName", "ann", "AccessKeyId", "AKIAAAAAAAAAAAAAAAAA"}, says{404, "NoSuchEntity", "The Access Key with id AKIAAAAAAAAAAAAAAAAA cannot be found."}},
		"policy no JSON":      {"PutUserPolicy", []string{"UserName", "ann", "PolicyName", "p", "PolicyDocument", "{"}, says{400, "MalformedPolicyDocument", "Syntax errors in policy. (line 1, column 2)"}},
		"policy with whom":    {"PutUserPolicy", []string{"UserName", "ann", "PolicyName", "p", "PolicyDocument", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}`}, says{400, "MalformedPolicyDocument", "Policy document should not specify a principal. (line 1, column 68)"}},
		"policy of no vendor": {"PutRolePolicy", []string{"RoleName", "worker", "PolicyName", "p", "PolicyDocument", doortest.Allow("ListUsers")}, says{400, "MalformedPolicyDocument", "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc. (line 1, column 81)"}},
		"managed, old":        {"CreatePolicy", []string{"PolicyName", "p", "PolicyDocument", `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`}, says{400, "MalformedPolicyDocument", "Policy document must be version 2012-10-17 or greater. (line 1, column 1)"}},
		"managed, long":       {"CreatePolicy", []string{"PolicyName", "p", "PolicyDocument", long(6145)}, says{409, "LimitExceeded", "Cannot exceed quota for PolicySize: 6144"}},
		"inline, long":        {"PutUserPolicy", []string{"UserName", "ann", "PolicyName", "p", "PolicyDocument", long(2049)}, says{409, "LimitExceeded", "Maximum policy size of 2048 bytes exceeded for user ann"}},
		"trust no JSON":       {"CreateRole", []string{"RoleName", "x", "AssumeRolePolicyDocument", "{"}, says{400, "MalformedPolicyDocument", "This policy contains invalid Json (line 1, column 2)"}},
		"trust of a resource": {"UpdateAssumeRolePolicy", []string{"RoleName", "worker", "PolicyDocument", strings.Replace(trust, `"Action"`, `"Resource":"*","Action"`, 1)}, says{400, "MalformedPolicyDocument", "Has prohibited field Resource (line 1, column 117)"}},
		"trust, long":         {"CreateRole", []string{"RoleName", "x", "AssumeRolePolicyDocument", strings.Replace(trust, `"Effect"`, `"Sid":"`+strings.Repeat("a", 2048)+`","Effect"`, 1)}, says{409, "LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048"}},
		"attach what is not":  {"AttachUserPolicy", []string{"UserName", "ann", "PolicyArn", prefix + "policy/none"}, says{404, "NoSuchEntity", "Policy " + prefix + "policy/none does not exist or is not attachable."}},
		"attach nonsense":     {"AttachRolePolicy", []string{"RoleName", "worker", "PolicyArn", "this-is-not-an-arn-at-all"}, says{400, "ValidationError", "Invalid ARN:  Could not be parsed!"}},
		"attach another's":    {"AttachRolePolicy", []string{"RoleName", "worker", "PolicyArn", "arn:aws:iam::444455556666:policy/theirs"}, says{404, "NoSuchEntity", "Policy arn:aws:iam::444455556666:policy/theirs does not exist or is not attachable."}},
		"detach what is not":  {"DetachUserPolicy", []string{"UserName", "ann", "PolicyArn", admin}, says{404, "NoSuchEntity", "Policy " + admin + " was not found."}},
		"delete what is not":  {"DeletePolicy", []string{"PolicyArn", prefix + "policy/none"}, says{404, "NoSuchEntity", "Policy " + prefix + "policy/none was not found."}},
		"get what is not":     {"GetPolicy", []string{"PolicyArn", prefix + "policy/none"}, says{404, "NoSuchEntity", "Policy " + prefix + "policy/none was not found."}},
		"version what is not": {"GetPolicyVersion", []string{"PolicyArn", admin, "VersionId", "v2"}, says{404, "NoSuchEntity", "Policy " + admin + " version v2 does not exist or is not attachable."}},
		"inline what is not":  {"GetRolePolicy", []string{"RoleName", "worker", "PolicyName", "none"}, says{404, "NoSuchEntity", "The role policy with name none cannot be found."}},
		"no role":             {"GetRole", []string{"RoleName", "none"}, says{404, "NoSuchEntity", "The role with name none cannot be found."}},
		"marker":              {"ListUsers", []string{"Marker", "x"}, says{400, "ValidationError", "Invalid Marker."}},
	} {
		t.Run(name, func(t *testing.T) {
			root.Query("iam", c.op, c.params...).Fault(t, c.want.status, c.want.code, c.want.text)
		})
	}
	if got := root.Query("iam", "ListUserPolicies", "UserName", "ann").Good(t).All("member"); len(got) != 0 {
		t.Errorf("a refused policy was kept: %v", got)
	}
}

func TestKeysAreToldOnceAndAreTwoAtMost(t *testing.T) {
	h := doortest.Open(t)
	root := h.As(t, h.Root)
	k := h.User(t, "ann", doortest.Allow("iam:*AccessKey*"))
	ann := h.As(t, k)
	second := ann.Query("iam", "CreateAccessKey").Good(t)
	if second.XML("UserName") != "ann" || second.XML("Status") != "Active" || len(second.XML("SecretAccessKey")) != 40 || len(second.XML("AccessKeyId")) != 20 {
		t.Errorf("%s", second.Body)
	}
	ann.Query("iam", "CreateAccessKey").Fault(t, 409, "LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2")
	list := root.Query("iam", "ListAccessKeys", "UserName", "ann").Good(t)
	if ids := list.All("AccessKeyId"); len(ids) != 2 || strings.Contains(string(list.Body), k.Secret) || strings.Contains(string(list.Body), "Secret") {
		t.Errorf("%s", list.Body)
	}
	root.Query("iam", "DeleteUser", "UserName", "ann").Fault(t, 409, "DeleteConflict", "Cannot delete entity, must delete policies first.")
	root.Query("iam", "DeleteUserPolicy", "UserName", "ann", "PolicyName", "inline").Good(t)
	root.Query("iam", "DeleteUser", "UserName", "ann").Fault(t, 409, "DeleteConflict", "Cannot delete entity, must delete access keys first.")
	root.Query("iam", "UpdateAccessKey", "UserName", "ann", "AccessKeyId", k.AccessKey, "Status", "Inactive").Good(t)
	h.Restart()
	h.As(t, k).Query("sts", "GetCallerIdentity").Fault(t, 403, "InvalidClientTokenId", "The security token included in the request is invalid.")
	root = h.As(t, h.Root)
	other := h.User(t, "bob", "")
	root.Query("iam", "DeleteAccessKey", "UserName", "bob", "AccessKeyId", k.AccessKey).Fault(t, 404, "NoSuchEntity", "The Access Key with id "+k.AccessKey+" cannot be found.")
	for _, id := range list.All("AccessKeyId") {
		root.Query("iam", "DeleteAccessKey", "UserName", "ann", "AccessKeyId", id).Good(t)
	}
	root.Query("iam", "DeleteUser", "UserName", "ann").Good(t)
	h.As(t, other).Query("sts", "GetCallerIdentity").Good(t)
	if log := h.Log.String(); strings.Contains(log, k.Secret) || strings.Contains(log, second.XML("SecretAccessKey")) {
		t.Error("the log holds a secret")
	}
}

func TestRolesKeepWhatTheyAreGiven(t *testing.T) {
	h := doortest.Open(t)
	root := h.As(t, h.Root)
	a := root.Query("iam", "CreateRole", "RoleName", "worker", "Path", "/service-role/", "AssumeRolePolicyDocument", trust, "Description", "works", "MaxSessionDuration", "7200").Good(t)
	if doc, err := url.PathUnescape(a.XML("AssumeRolePolicyDocument")); err != nil || doc != trust {
		t.Errorf("%s, %v", doc, err)
	}
	if a.XML("Arn") != prefix+"role/service-role/worker" || !strings.HasPrefix(a.XML("RoleId"), "AROA") {
		t.Errorf("%s", a.Body)
	}
	root.Query("iam", "CreateRole", "RoleName", "Worker", "AssumeRolePolicyDocument", trust).Fault(t, 409, "EntityAlreadyExists", "Role with name Worker already exists.")
	wider := strings.Replace(trust, "sagemaker.", "ec2.", 1)
	root.Query("iam", "UpdateAssumeRolePolicy", "RoleName", "worker", "PolicyDocument", wider).Good(t)
	root.Query("iam", "UpdateRole", "RoleName", "worker", "Description", "rests").Good(t)
	root.Query("iam", "TagRole", "RoleName", "worker", "Tags.member.1.Key", "b", "Tags.member.1.Value", "1", "Tags.member.2.Key", "a", "Tags.member.2.Value", "2").Good(t)
	root.Query("iam", "TagRole", "RoleName", "worker", "Tags.member.1.Key", "B", "Tags.member.1.Value", "3").Good(t)
	root.Query("iam", "UntagRole", "RoleName", "worker", "TagKeys.member.1", "a", "TagKeys.member.2", "none").Good(t)
	h.Restart()
	root = h.As(t, h.Root)
	got := root.Query("iam", "GetRole", "RoleName", "worker").Good(t)
	doc, _ := url.PathUnescape(got.XML("AssumeRolePolicyDocument"))
	if doc != wider || got.XML("Description") != "rests" || got.XML("MaxSessionDuration") != "7200" {
		t.Errorf("%s", got.Body)
	}
	if tags := root.Query("iam", "ListRoleTags", "RoleName", "worker").Good(t); strings.Join(tags.All("Key"), " ") != "B" || tags.XML("Value") != "3" {
		t.Errorf("%s", tags.Body)
	}
	root.Query("iam", "ListInstanceProfilesForRole", "RoleName", "worker").Good(t)
	if got := root.Query("iam", "ListRoles", "PathPrefix", "/service-role/").Good(t).All("RoleName"); strings.Join(got, " ") != "worker" {
		t.Errorf("listed %v", got)
	}
	root.Query("iam", "PutRolePolicy", "RoleName", "worker", "PolicyName", "p", "PolicyDocument", doortest.Allow("s3:*")).Good(t)
	root.Query("iam", "DeleteRole", "RoleName", "worker").Fault(t, 409, "DeleteConflict", "Cannot delete entity, must delete policies first.")
	root.Query("iam", "DeleteRolePolicy", "RoleName", "worker", "PolicyName", "p").Good(t)
	root.Query("iam", "DeleteRolePolicy", "RoleName", "worker", "PolicyName", "p").Fault(t, 404, "NoSuchEntity", "The role policy with name p cannot be found.")
	root.Query("iam", "DeleteRole", "RoleName", "worker").Good(t)
	root.Query("iam", "DeleteRole", "RoleName", "worker").Fault(t, 404, "NoSuchEntity", "The role with name worker cannot be found.")
}

func TestPoliciesAreInForceWhenTheCallReturns(t *testing.T) {
	h := doortest.Open(t)
	root := h.As(t, h.Root)
	k := h.User(t, "ann", "")
	ann := h.As(t, k)
	may := func(want bool) {
		t.Helper()
		if got := ann.Query("iam", "ListRoles").Status == 200; got != want {
			t.Errorf("may list roles: %v, want %v", got, want)
		}
	}
	may(false)
	arn := root.Query("iam", "CreatePolicy", "PolicyName", "lists", "PolicyDocument", doortest.Allow("iam:List*"), "Description", "d").Good(t).XML("Arn")
	if arn != prefix+"policy/lists" {
		t.Errorf("made %s", arn)
	}
	root.Query("iam", "CreatePolicy", "PolicyName", "lists", "PolicyDocument", doortest.Allow("iam:List*")).
		Fault(t, 409, "EntityAlreadyExists", "A policy called lists already exists. Duplicate names are not allowed.")
	for range 2 { // twice is once
		root.Query("iam", "AttachUserPolicy", "UserName", "ann", "PolicyArn", arn).Good(t)
	}
	may(true)
	if a := root.Query("iam", "ListAttachedUserPolicies", "UserName", "ann").Good(t); strings.Join(a.All("PolicyArn"), " ") != arn {
		t.Errorf("%s", a.Body)
	}
	if a := root.Query("iam", "GetPolicy", "PolicyArn", arn).Good(t); a.XML("AttachmentCount") != "1" || a.XML("Description") != "d" || a.XML("DefaultVersionId") != "v1" {
		t.Errorf("%s", a.Body)
	}
	if a := root.Query("iam", "ListPolicies", "OnlyAttached", "true").Good(t); strings.Join(a.All("PolicyName"), " ") != "lists" {
		t.Errorf("%s", a.Body)
	}
	if a := root.Query("iam", "ListPolicyVersions", "PolicyArn", arn).Good(t); strings.Join(a.All("VersionId"), " ") != "v1" {
		t.Errorf("%s", a.Body)
	}
	root.Query("iam", "DeletePolicy", "PolicyArn", arn).Fault(t, 409, "DeleteConflict", "Cannot delete a policy attached to entities.")
	root.Query("iam", "DeleteUser", "UserName", "ann").Fault(t, 409, "DeleteConflict", "Cannot delete entity, must detach all policies first.")
	h.Restart()
	root, ann = h.As(t, h.Root), h.As(t, k)
	may(true)
	root.Query("iam", "PutUserPolicy", "UserName", "ann", "PolicyName", "no", "PolicyDocument", doortest.Deny("iam:ListRoles")).Good(t)
	may(false)
	root.Query("iam", "PutUserPolicy", "UserName", "ann", "PolicyName", "no", "PolicyDocument", doortest.Allow("s3:*")).Good(t)
	may(true)
	root.Query("iam", "DetachUserPolicy", "UserName", "ann", "PolicyArn", arn).Good(t)
	may(false)
	root.Query("iam", "DeletePolicy", "PolicyArn", arn).Good(t)
	root.Query("iam", "DeletePolicy", "PolicyArn", admin).Fault(t, 403, "AccessDenied", "User: "+prefix+"root is not authorized to perform: iam:DeletePolicy on resource: "+admin)
	root.Query("iam", "AttachUserPolicy", "UserName", "ann", "PolicyArn", admin).Good(t)
	may(true)
	if a := root.Query("iam", "GetUserPolicy", "UserName", "ann", "PolicyName", "no").Good(t); !strings.Contains(a.XML("PolicyDocument"), "%22s3%3A%2A%22") {
		t.Errorf("%s", a.Body)
	}
}

// Requests name users by name in any case and without their path; policies speak of whole ARNs.
func TestAPolicyOnAUserHoldsHoweverTheUserIsNamed(t *testing.T) {
	h := doortest.Open(t)
	root := h.As(t, h.Root)
	root.Query("iam", "CreateUser", "UserName", "boss", "Path", "/top/").Good(t)
	root.Query("iam", "CreateUser", "UserName", "peer").Good(t)
	c := h.As(t, h.User(t, "ann", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:*","Resource":"*"},
		{"Effect":"Deny","Action":"iam:*","Resource":["`+prefix+`user/top/*","`+prefix+`user/peer"]}]}`))
	for name, arn := range map[string]string{"boss": "user/top/boss", "BOSS": "user/top/boss", "peer": "user/peer", "Peer": "user/peer"} {
		c.Query("iam", "PutUserPolicy", "UserName", name, "PolicyName", "p", "PolicyDocument", doortest.Allow("*")).Fault(t, 403, "AccessDenied",
			"User: "+prefix+"user/ann is not authorized to perform: iam:PutUserPolicy on resource: "+prefix+arn+" with an explicit deny in an identity-based policy")
		if a := c.Query("iam", "CreateAccessKey", "UserName", name); a.Code != "AccessDenied" {
			t.Errorf("a key for %s: %d %s", name, a.Status, a.Body)
		}
	}
	c.Query("iam", "PutUserPolicy", "UserName", "ann", "PolicyName", "p", "PolicyDocument", doortest.Allow("*")).Good(t)
}

func TestConditionKeysOfAttachingAndTagging(t *testing.T) {
	h := doortest.Open(t)
	root := h.As(t, h.Root)
	c := h.As(t, h.User(t, "ann", `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"iam:AttachUserPolicy","Resource":"*","Condition":{"ArnEquals":{"iam:PolicyARN":"`+prefix+`policy/small"}}},
		{"Effect":"Allow","Action":["iam:TagUser","iam:UntagUser"],"Resource":"*","Condition":{"ForAllValues:StringEquals":{"aws:TagKeys":["cost"]}}},
		{"Effect":"Allow","Action":"iam:CreateUser","Resource":"*","Condition":{"StringEquals":{"aws:RequestTag/team":"blue"}}}]}`))
	root.Query("iam", "CreatePolicy", "PolicyName", "small", "PolicyDocument", doortest.Allow("s3:*")).Good(t)
	for _, x := range []struct {
		want   bool
		op     string
		params []string
	}{
		{true, "AttachUserPolicy", []string{"UserName", "ann", "PolicyArn", prefix + "policy/small"}},
		{false, "AttachUserPolicy", []string{"UserName", "ann", "PolicyArn", admin}},
		{true, "TagUser", []string{"UserName", "ann", "Tags.member.1.Key", "cost", "Tags.member.1.Value", "1"}},
		{false, "TagUser", []string{"UserName", "ann", "Tags.member.1.Key", "role", "Tags.member.1.Value", "1"}},
		{false, "UntagUser", []string{"UserName", "ann", "TagKeys.member.1", "role"}},
		{true, "UntagUser", []string{"UserName", "ann", "TagKeys.member.1", "cost"}},
		{true, "CreateUser", []string{"UserName", "new", "Tags.member.1.Key", "team", "Tags.member.1.Value", "blue"}},
		{false, "CreateUser", []string{"UserName", "new2", "Tags.member.1.Key", "team", "Tags.member.1.Value", "red"}},
		{false, "CreateUser", []string{"UserName", "new3"}},
	} {
		if a := c.Query("iam", x.op, x.params...); (a.Status == 200) != x.want {
			t.Errorf("%s %v: %d %s", x.op, x.params, a.Status, a.Text)
		}
	}
}

func TestListsComeInPages(t *testing.T) {
	h := doortest.Open(t)
	root := h.As(t, h.Root)
	for i := range 5 {
		root.Query("iam", "CreateUser", "UserName", fmt.Sprintf("user%d", i)).Good(t)
	}
	var got []string
	marker := []string{"MaxItems", "2"}
	for range 3 {
		a := root.Query("iam", "ListUsers", marker...).Good(t)
		got = append(got, a.All("UserName")...)
		if a.XML("IsTruncated") != fmt.Sprint(len(got) < 5) {
			t.Errorf("after %d: %s", len(got), a.Body)
		}
		marker = []string{"MaxItems", "2", "Marker", a.XML("Marker")}
	}
	if strings.Join(got, " ") != "user0 user1 user2 user3 user4" {
		t.Errorf("%v", got)
	}
}

func TestOneOfManyWins(t *testing.T) {
	h := doortest.Open(t)
	root := h.As(t, h.Root)
	root.Query("iam", "CreateUser", "UserName", "ann").Good(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	codes := map[string]int{}
	note := func(a *doortest.Answer) {
		mu.Lock()
		defer mu.Unlock()
		codes[fmt.Sprint(a.Status, a.Code)]++
	}
	for range 8 {
		wg.Go(func() { note(root.Query("iam", "CreateUser", "UserName", "bob")) })
		wg.Go(func() { note(root.Query("iam", "CreateAccessKey", "UserName", "ann")) })
	}
	wg.Wait()
	if codes["200"] != 3 || codes["409EntityAlreadyExists"] != 7 || codes["409LimitExceeded"] != 6 {
		t.Errorf("%v", codes)
	}
}

func TestAccountsDoNotSeeEachOther(t *testing.T) {
	h := doortest.Open(t)
	id, secret, made, err := h.IAM.Root(t.Context(), doortest.Other)
	if err != nil || !made {
		t.Fatal(made, err)
	}
	if _, _, made, err := h.IAM.Root(t.Context(), doortest.Other); made || err != nil {
		t.Errorf("a second first key: %v, %v", made, err)
	}
	mine, k := h.As(t, h.Root), h.Root
	k.AccessKey, k.Secret = id, secret
	other := h.As(t, k)
	mine.Query("iam", "CreateUser", "UserName", "ann").Good(t)
	arn := mine.Query("iam", "CreatePolicy", "PolicyName", "p", "PolicyDocument", doortest.Allow("s3:*")).Good(t).XML("Arn")
	other.Query("iam", "GetUser", "UserName", "ann").Fault(t, 404, "NoSuchEntity", "The user with name ann cannot be found.")
	for _, op := range []string{"GetPolicy", "DeletePolicy", "ListPolicyVersions"} {
		if a := other.Query("iam", op, "PolicyArn", arn); a.Status == 200 {
			t.Errorf("%s of another account: %s", op, a.Body)
		}
	}
	if a := other.Query("iam", "ListUsers").Good(t); len(a.All("UserName")) != 0 {
		t.Errorf("%s", a.Body)
	}
	if got := other.Query("iam", "CreateUser", "UserName", "ann").Good(t).XML("Arn"); got != "arn:aws:iam::444455556666:user/ann" {
		t.Errorf("made %s", got)
	}
}

// Who may take off only other tags than one does not take it off by a key that Unicode folds to it.
func TestATagIsTakenOffByItsOwnKey(t *testing.T) {
	h := doortest.Open(t)
	root := h.As(t, h.Root)
	root.Query("iam", "CreateUser", "UserName", "ann", "Tags.member.1.Key", "stack", "Tags.member.1.Value", "low").Good(t)
	root.Query("iam", "UntagUser", "UserName", "ann", "TagKeys.member.1", "\u017ftack").Good(t)
	if got := root.Query("iam", "ListUserTags", "UserName", "ann").Good(t).XML("Value"); got != "low" {
		t.Errorf("the tag is %q", got)
	}
}
