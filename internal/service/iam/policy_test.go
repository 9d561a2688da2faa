package iam_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"cloister/internal/door/doortest"
	"cloister/internal/value/managed"
)

func TestVersionsOfAPolicy(t *testing.T) {
	h := doortest.Open(t)
	root := h.As(t, h.Root)
	ann := h.As(t, h.User(t, "ann", ""))
	arn := root.Query("iam", "CreatePolicy", "PolicyName", "p", "PolicyDocument", doortest.Allow("iam:ListUsers")).Good(t).XML("Arn")
	root.Query("iam", "AttachUserPolicy", "UserName", "ann", "PolicyArn", arn).Good(t)
	may := func(op string, want bool) {
		t.Helper()
		if a := ann.Query("iam", op); (a.Status == 200) != want {
			t.Errorf("%s: %d %s", op, a.Status, a.Text)
		}
	}
	versions := func(want string) {
		t.Helper()
		if got := strings.Join(root.Query("iam", "ListPolicyVersions", "PolicyArn", arn).Good(t).All("VersionId"), " "); got != want {
			t.Errorf("versions %q, want %q", got, want)
		}
	}
	create := func(document string, more ...string) *doortest.Answer {
		return root.Query("iam", "CreatePolicyVersion", append([]string{"PolicyArn", arn, "PolicyDocument", document}, more...)...)
	}
	may("ListUsers", true)
	if a := create(doortest.Allow("iam:ListRoles")).Good(t); a.XML("VersionId") != "v2" || a.XML("IsDefaultVersion") != "false" || a.XML("CreateDate") == "" {
		t.Errorf("%s", a.Body)
	}
	may("ListRoles", false)
	if a := create(doortest.Allow("iam:ListRoles", "iam:ListPolicies"), "SetAsDefault", "true").Good(t); a.XML("VersionId") != "v3" || a.XML("IsDefaultVersion") != "true" {
		t.Errorf("%s", a.Body)
	}
	may("ListUsers", false)
	may("ListPolicies", true)
	if a := root.Query("iam", "GetPolicy", "PolicyArn", arn).Good(t); a.XML("DefaultVersionId") != "v3" {
		t.Errorf("%s", a.Body)
	}
	root.Query("iam", "DeletePolicyVersion", "PolicyArn", arn, "VersionId", "v3").Fault(t, 409, "DeleteConflict", "Cannot delete the default version of a policy.")
	root.Query("iam", "SetDefaultPolicyVersion", "PolicyArn", arn, "VersionId", "v2").Good(t)
	may("ListPolicies", false)
	may("ListRoles", true)
	h.Restart()
	root, ann = h.As(t, h.Root), h.As(t, ann.Credentials)
	may("ListRoles", true)
	root.Query("iam", "DeletePolicyVersion", "PolicyArn", arn, "VersionId", "v3").Good(t)
	root.Query("iam", "DeletePolicyVersion", "PolicyArn", arn, "VersionId", "v3").Fault(t, 404, "NoSuchEntity", "Policy "+arn+" version v3 does not exist or is not attachable.")
	root.Query("iam", "SetDefaultPolicyVersion", "PolicyArn", arn, "VersionId", "v3").Fault(t, 404, "NoSuchEntity", "Policy "+arn+" version v3 does not exist or is not attachable.")
	root.Query("iam", "GetPolicyVersion", "PolicyArn", arn, "VersionId", "v3").Fault(t, 404, "NoSuchEntity", "Policy "+arn+" version v3 does not exist or is not attachable.")
	versions("v2 v1")
	for i := 4; i <= 6; i++ { // a number is not used twice
		create(doortest.Allow("s3:*")).Good(t)
	}
	versions("v6 v5 v4 v2 v1")
	create(doortest.Allow("s3:*")).Fault(t, 409, "LimitExceeded", "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.")
	create(doortest.Allow("ListUsers")).Fault(t, 400, "MalformedPolicyDocument", "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc. (line 1, column 81)")
	root.Query("iam", "DetachUserPolicy", "UserName", "ann", "PolicyArn", arn).Good(t)
	root.Query("iam", "DeletePolicy", "PolicyArn", arn).Fault(t, 409, "DeleteConflict",
		"This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.")
	if a := root.Query("iam", "ListPolicyVersions", "PolicyArn", arn, "MaxItems", "2").Good(t); strings.Join(a.All("VersionId"), " ") != "v6 v5" || a.XML("IsTruncated") != "true" ||
		strings.Join(root.Query("iam", "ListPolicyVersions", "PolicyArn", arn, "Marker", a.XML("Marker")).Good(t).All("VersionId"), " ") != "v4 v2 v1" {
		t.Errorf("%s", a.Body)
	}
	ann.Query("iam", "CreatePolicyVersion", "PolicyArn", arn, "PolicyDocument", doortest.Allow("*"), "SetAsDefault", "true").Fault(t, 403, "AccessDenied",
		"User: "+prefix+"user/ann is not authorized to perform: iam:CreatePolicyVersion on resource: "+arn+" because no identity-based policy allows the iam:CreatePolicyVersion action")
}

func TestVersionsMadeAtOnceAreFiveAtMost(t *testing.T) {
	h := doortest.Open(t)
	root := h.As(t, h.Root)
	arn := root.Query("iam", "CreatePolicy", "PolicyName", "p", "PolicyDocument", doortest.Allow("s3:*")).Good(t).XML("Arn")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			root.Query("iam", "CreatePolicyVersion", "PolicyArn", arn, "PolicyDocument", doortest.Allow("s3:*"), "SetAsDefault", "true")
		})
	}
	all.Wait()
	a := root.Query("iam", "ListPolicyVersions", "PolicyArn", arn).Good(t)
	if got := strings.Join(a.All("VersionId"), " "); got != "v5 v4 v3 v2 v1" || strings.Join(a.All("IsDefaultVersion"), " ") != "true false false false false" {
		t.Errorf("%s", a.Body)
	}
}

func TestPoliciesOfAWS(t *testing.T) {
	h := doortest.Open(t)
	root := h.As(t, h.Root)
	root.Query("iam", "CreateUser", "UserName", "ann").Good(t)
	all, err := managed.All()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range all {
		names = append(names, p.Name)
		a := root.Query("iam", "GetPolicy", "PolicyArn", p.ARN()).Good(t)
		if a.XML("PolicyId") != p.ID || a.XML("DefaultVersionId") != p.Default || a.XML("Path") != p.Path {
			t.Errorf("%s", a.Body)
		}
		v := root.Query("iam", "GetPolicyVersion", "PolicyArn", p.ARN(), "VersionId", p.Default).Good(t)
		if text, err := url.QueryUnescape(v.XML("Document")); err != nil || text != p.Document {
			t.Errorf("%s: %v", p.Name, err)
		}
		attach := root.Query("iam", "AttachUserPolicy", "UserName", "ann", "PolicyArn", p.ARN())
		if p.Linked() {
			attach.Fault(t, 400, "PolicyNotAttachable", "Cannot attach an AWS Service Role policy: "+p.ARN())
			continue
		}
		attach.Good(t)
		root.Query("iam", "DetachUserPolicy", "UserName", "ann", "PolicyArn", p.ARN()).Good(t)
	}
	slices.Sort(names)
	if got := root.Query("iam", "ListPolicies", "Scope", "AWS").Good(t).All("PolicyName"); len(got) != len(names) {
		t.Errorf("listed %q", got)
	}
	const full = "arn:aws:iam::aws:policy/AmazonSageMakerModelRegistryFullAccess"
	if got := root.Query("iam", "ListPolicyVersions", "PolicyArn", full).Good(t).All("VersionId"); strings.Join(got, " ") != "v2 v1" {
		t.Errorf("versions %q", got)
	}
	root.Query("iam", "GetPolicyVersion", "PolicyArn", full, "VersionId", "v1").Fault(t, 404, "NoSuchEntity", "Policy "+full+" version v1 does not exist or is not attachable.")
	for op, more := range map[string][]string{
		"CreatePolicyVersion": {"PolicyDocument", doortest.Allow("*")}, "DeletePolicyVersion": {"VersionId", "v1"}, "SetDefaultPolicyVersion": {"VersionId", "v1"},
		"TagPolicy": {"Tags.member.1.Key", "a", "Tags.member.1.Value", "b"}, "UntagPolicy": {"TagKeys.member.1", "a"}, "DeletePolicy": nil,
	} {
		root.Query("iam", op, append([]string{"PolicyArn", full}, more...)...).Fault(t, 403, "AccessDenied", "User: "+prefix+"root is not authorized to perform: iam:"+op+" on resource: "+full)
	}
}

func TestPolicyTagsAreForConditions(t *testing.T) {
	h := doortest.Open(t)
	root := h.As(t, h.Root)
	arn := root.Query("iam", "CreatePolicy", "PolicyName", "p", "PolicyDocument", doortest.Allow("s3:*"), "Tags.member.1.Key", "team", "Tags.member.1.Value", "red").Good(t).XML("Arn")
	ann := h.As(t, h.User(t, "ann", doortest.AllowIf(`{"StringEquals":{"aws:ResourceTag/team":"blue"}}`, "iam:GetPolicy")))
	if a := ann.Query("iam", "GetPolicy", "PolicyArn", arn); a.Status != 403 {
		t.Errorf("red: %d", a.Status)
	}
	root.Query("iam", "TagPolicy", "PolicyArn", arn, "Tags.member.1.Key", "TEAM", "Tags.member.1.Value", "blue", "Tags.member.2.Key", "a", "Tags.member.2.Value", "").Good(t)
	if a := ann.Query("iam", "GetPolicy", "PolicyArn", arn).Good(t); strings.Join(a.All("Value"), ",") != "blue," {
		t.Errorf("%s", a.Body)
	}
	h.Restart()
	root, ann = h.As(t, h.Root), h.As(t, ann.Credentials)
	ann.Query("iam", "GetPolicy", "PolicyArn", arn).Good(t)
	if a := root.Query("iam", "ListPolicyTags", "PolicyArn", arn).Good(t); strings.Join(a.All("Key"), ",") != "TEAM,a" {
		t.Errorf("%s", a.Body)
	}
	root.Query("iam", "UntagPolicy", "PolicyArn", arn, "TagKeys.member.1", "team", "TagKeys.member.2", "none").Good(t)
	if a := ann.Query("iam", "GetPolicy", "PolicyArn", arn); a.Status != 403 {
		t.Errorf("untagged: %d", a.Status)
	}
	params := []string{"PolicyArn", arn}
	for i := range 51 {
		params = append(params, fmt.Sprintf("Tags.member.%d.Key", i+1), fmt.Sprint("k", i), fmt.Sprintf("Tags.member.%d.Value", i+1), "v")
	}
	if a := root.Query("iam", "TagPolicy", params...); a.Status == 200 {
		t.Error("51 tags")
	}
	root.Query("iam", "TagPolicy", "PolicyArn", prefix+"policy/none", "Tags.member.1.Key", "a", "Tags.member.1.Value", "b").Fault(t, 404, "NoSuchEntity", "Policy "+prefix+"policy/none was not found.")
}

func TestEntitiesOfAPolicyAndQuotas(t *testing.T) {
	h := doortest.Open(t)
	root := h.As(t, h.Root)
	root.Query("iam", "CreateUser", "UserName", "ann", "Path", "/team/").Good(t)
	root.Query("iam", "CreateUser", "UserName", "bob").Good(t)
	root.Query("iam", "CreateRole", "RoleName", "worker", "AssumeRolePolicyDocument", trust).Good(t)
	var arns []string
	for i := range 11 {
		arns = append(arns, root.Query("iam", "CreatePolicy", "PolicyName", fmt.Sprint("p", i), "PolicyDocument", doortest.Allow("s3:*")).Good(t).XML("Arn"))
	}
	for i, a := range arns {
		user := root.Query("iam", "AttachUserPolicy", "UserName", "ann", "PolicyArn", a)
		role := root.Query("iam", "AttachRolePolicy", "RoleName", "worker", "PolicyArn", a)
		if i < 10 {
			user.Good(t)
			role.Good(t)
			continue
		}
		user.Fault(t, 409, "LimitExceeded", "Cannot exceed quota for PoliciesPerUser: 10")
		role.Fault(t, 409, "LimitExceeded", "Cannot exceed quota for PoliciesPerRole: 10")
	}
	root.Query("iam", "AttachUserPolicy", "UserName", "ann", "PolicyArn", arns[0]).Good(t) // once more is no more
	list := func(more ...string) string {
		a := root.Query("iam", "ListEntitiesForPolicy", append([]string{"PolicyArn", arns[0]}, more...)...).Good(t)
		return strings.Join(append(a.All("UserName"), a.All("RoleName")...), " ")
	}
	root.Query("iam", "AttachUserPolicy", "UserName", "bob", "PolicyArn", arns[0]).Good(t)
	for want, more := range map[string][]string{
		"ann bob worker": nil, "ann bob": {"EntityFilter", "User"}, "worker": {"EntityFilter", "Role"}, "ann": {"PathPrefix", "/team/"}, "": {"PolicyUsageFilter", "PermissionsBoundary"},
	} {
		if got := list(more...); got != want {
			t.Errorf("%v: %q, want %q", more, got, want)
		}
	}
	a := root.Query("iam", "ListEntitiesForPolicy", "PolicyArn", arns[0], "MaxItems", "2").Good(t)
	if a.XML("IsTruncated") != "true" || list("Marker", a.XML("Marker")) == "" {
		t.Errorf("%s", a.Body)
	}
	root.Query("iam", "CreatePolicy", "PolicyName", "P0", "Path", "/other/", "PolicyDocument", doortest.Allow("s3:*")).Fault(t, 409, "EntityAlreadyExists",
		"A policy called P0 already exists. Duplicate names are not allowed.")
}

// A trust policy means whom it named when it was saved: under another name it follows them, and when they are gone it
// shows their id and means nobody.
func TestTrustPoliciesFollowWhomTheyName(t *testing.T) {
	h := doortest.Open(t)
	root := h.As(t, h.Root)
	ann := h.User(t, "ann", "")
	document := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"` + prefix + `user/ann"},"Action":"sts:AssumeRole"}}`
	arn := root.Query("iam", "CreateRole", "RoleName", "worker", "AssumeRolePolicyDocument", document).Good(t).XML("Arn")
	id := root.Query("iam", "GetUser", "UserName", "ann").Good(t).XML("UserId")
	shown := func(want string) {
		t.Helper()
		text, err := url.QueryUnescape(root.Query("iam", "GetRole", "RoleName", "worker").Good(t).XML("AssumeRolePolicyDocument"))
		if err != nil || text != strings.Replace(document, prefix+"user/ann", want, 1) {
			t.Errorf("shown is %s", text)
		}
	}
	shown(prefix + "user/ann")
	root.Query("iam", "UpdateUser", "UserName", "ann", "NewUserName", "anna").Good(t)
	shown(prefix + "user/anna")
	h.As(t, ann).Assume(arn, "one")
	root.Query("iam", "DeleteAccessKey", "UserName", "anna", "AccessKeyId", ann.AccessKey).Good(t)
	root.Query("iam", "DeleteUser", "UserName", "anna").Good(t)
	shown(id)
	namesake := h.As(t, h.User(t, "anna", ""))
	for range 2 {
		shown(id)
		if a := namesake.Query("sts", "AssumeRole", "RoleArn", arn, "RoleSessionName", "two"); a.Status != 403 {
			t.Errorf("a namesake: %d %s", a.Status, a.Body)
		}
		h.Restart()
		root, namesake = h.As(t, h.Root), h.As(t, namesake.Credentials)
	}
	root.Query("iam", "UpdateAssumeRolePolicy", "RoleName", "worker", "PolicyDocument", strings.Replace(document, prefix+"user/ann", id, 1)).Good(t) // as it was read
}
