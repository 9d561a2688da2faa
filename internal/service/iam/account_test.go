package iam_test

import (
	"fmt"
	"strings"
	"testing"

	"cloister/internal/door/doortest"
	"cloister/internal/service/iam"
)

func TestKeysTellWhenTheyWereUsed(t *testing.T) {
	h := doortest.Open(t)
	root := h.As(t, h.Root)
	k := h.User(t, "ann", doortest.Allow("iam:ListUsers", "sts:*"))
	used := func() *doortest.Answer {
		t.Helper()
		return h.As(t, h.Root).Query("iam", "GetAccessKeyLastUsed", "AccessKeyId", k.AccessKey).Good(t)
	}
	if a := used(); a.XML("ServiceName") != "N/A" || a.XML("Region") != "N/A" || a.XML("LastUsedDate") != "" || a.XML("UserName") != "ann" {
		t.Errorf("%s", a.Body)
	}
	h.As(t, k).Query("iam", "ListUsers").Good(t)
	if a := used(); a.XML("ServiceName") != "iam" || a.XML("Region") != "us-east-1" || a.XML("LastUsedDate") == "" {
		t.Errorf("%s", a.Body)
	}
	if err := h.IAM.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.Restart()
	if a := used(); a.XML("ServiceName") != "iam" {
		t.Errorf("after a restart: %s", a.Body)
	}
	bad := k
	bad.Secret += "x"
	h.As(t, bad).Query("sts", "GetCallerIdentity") // who could not prove to be her leaves no trace
	if a := used(); a.XML("ServiceName") != "iam" {
		t.Errorf("%s", a.Body)
	}
	root = h.As(t, h.Root)
	root.Query("iam", "GetAccessKeyLastUsed", "AccessKeyId", "AKIAAAAAAAAAAAAAAAAA").Fault(t, 404, "NoSuchEntity", "The Access Key with id AKIAAAAAAAAAAAAAAAAA cannot be found.")
	hers := h.As(t, h.User(t, "bob", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:GetAccessKeyLastUsed","Resource":"`+prefix+`user/ann"}]}`))
	hers.Query("iam", "GetAccessKeyLastUsed", "AccessKeyId", k.AccessKey).Good(t)
	if a := hers.Query("iam", "GetAccessKeyLastUsed", "AccessKeyId", h.Root.AccessKey); a.Code != "AccessDenied" {
		t.Errorf("%s", a.Body)
	}
}

func TestAccountsHaveOneAlias(t *testing.T) {
	h := doortest.Open(t)
	root := h.As(t, h.Root)
	id, secret, _, err := h.IAM.Root(t.Context(), doortest.Other)
	if err != nil {
		t.Fatal(err)
	}
	k := h.Root
	k.AccessKey, k.Secret = id, secret
	other := h.As(t, k)
	root.Query("iam", "CreateAccountAlias", "AccountAlias", "first").Good(t)
	root.Query("iam", "CreateAccountAlias", "AccountAlias", "second").Good(t)
	if got := root.Query("iam", "ListAccountAliases").Good(t).All("member"); strings.Join(got, " ") != "second" {
		t.Errorf("%q", got)
	}
	other.Query("iam", "CreateAccountAlias", "AccountAlias", "second").Fault(t, 409, "EntityAlreadyExists", "The account alias second already exists.")
	other.Query("iam", "CreateAccountAlias", "AccountAlias", "first").Good(t)
	if a := root.Query("iam", "CreateAccountAlias", "AccountAlias", "No"); a.Code != "ValidationError" {
		t.Errorf("%s", a.Body)
	}
	root.Query("iam", "DeleteAccountAlias", "AccountAlias", "first").Fault(t, 404, "NoSuchEntity", "The account alias first cannot be found.")
	root.Query("iam", "DeleteAccountAlias", "AccountAlias", "second").Good(t)
	if got := root.Query("iam", "ListAccountAliases").Good(t).All("member"); len(got) != 0 {
		t.Errorf("%q", got)
	}
	none := h.As(t, h.User(t, "ann", ""))
	for _, op := range []string{"CreateAccountAlias", "DeleteAccountAlias"} {
		if a := none.Query("iam", op, "AccountAlias", "mine"); a.Code != "AccessDenied" {
			t.Errorf("%s", a.Body)
		}
	}
}

func TestTheWholeAccount(t *testing.T) {
	h := doortest.Open(t)
	root := h.As(t, h.Root)
	h.User(t, "ann", doortest.Allow("s3:*"))
	root.Query("iam", "CreateGroup", "GroupName", "staff").Good(t)
	root.Query("iam", "AddUserToGroup", "GroupName", "staff", "UserName", "ann").Good(t)
	root.Query("iam", "AttachGroupPolicy", "GroupName", "staff", "PolicyArn", admin).Good(t)
	h.Role(t, "worker", doortest.Allow("s3:*"))
	root.Query("iam", "CreateInstanceProfile", "InstanceProfileName", "p").Good(t)
	root.Query("iam", "AddRoleToInstanceProfile", "InstanceProfileName", "p", "RoleName", "worker").Good(t)
	root.Query("iam", "CreatePolicy", "PolicyName", "mine", "PolicyDocument", doortest.Allow("s3:*")).Good(t)
	all := root.Query("iam", "GetAccountAuthorizationDetails").Good(t)
	for _, want := range []string{"<UserName>ann</UserName>", "<member>staff</member>", "<GroupName>staff</GroupName>", "<RoleName>worker</RoleName>", "<InstanceProfileName>p<",
		"<PolicyName>mine</PolicyName>", "<PolicyName>AdministratorAccess</PolicyName>", "<VersionId>v1</VersionId>"} {
		if !strings.Contains(string(all.Body), want) {
			t.Errorf("no %s in %s", want, all.Body)
		}
	}
	one := root.Query("iam", "GetAccountAuthorizationDetails", "Filter.member.1", "Group").Good(t)
	if strings.Contains(string(one.Body), "<UserName>") || one.XML("GroupName") != "staff" {
		t.Errorf("%s", one.Body)
	}
	n, marker := 0, []string{"MaxItems", "2"}
	for {
		a := root.Query("iam", "GetAccountAuthorizationDetails", marker...).Good(t)
		n++
		if a.XML("IsTruncated") == "false" {
			break
		}
		marker = []string{"MaxItems", "2", "Marker", a.XML("Marker")}
	}
	if n != 3 {
		t.Errorf("five things come in %d pages of two", n)
	}
	sum := string(root.Query("iam", "GetAccountSummary").Good(t).Body)
	for _, want := range []string{"<key>Users</key><value>1<", "<key>Groups</key><value>1<", "<key>Roles</key><value>1<", "<key>InstanceProfiles</key><value>1<", "<key>Policies</key><value>1<",
		"<key>AccountAccessKeysPresent</key><value>1<", "<key>GroupPolicySizeQuota</key><value>5120<"} {
		if !strings.Contains(sum, want) {
			t.Errorf("no %s in %s", want, sum)
		}
	}
	none := h.As(t, h.User(t, "eve", ""))
	for _, op := range []string{"GetAccountSummary", "GetAccountAuthorizationDetails"} {
		if a := none.Query("iam", op); a.Code != "AccessDenied" {
			t.Errorf("%s", a.Body)
		}
	}
}

func TestInstanceProfiles(t *testing.T) {
	h := doortest.Open(t)
	root := h.As(t, h.Root)
	h.Role(t, "worker", "")
	h.Role(t, "other", "")
	a := root.Query("iam", "CreateInstanceProfile", "InstanceProfileName", "P", "Path", "/x/", "Tags.member.1.Key", "team", "Tags.member.1.Value", "blue").Good(t)
	if a.XML("Arn") != prefix+"instance-profile/x/P" || !strings.HasPrefix(a.XML("InstanceProfileId"), "AIPA") || a.XML("Value") != "blue" {
		t.Errorf("%s", a.Body)
	}
	root.Query("iam", "CreateInstanceProfile", "InstanceProfileName", "p").Fault(t, 409, "EntityAlreadyExists", "Instance Profile p already exists.")
	add := []string{"InstanceProfileName", "p", "RoleName", "worker"}
	root.Query("iam", "AddRoleToInstanceProfile", "InstanceProfileName", "p", "RoleName", "none").Fault(t, 404, "NoSuchEntity", "The role with name none cannot be found.")
	root.Query("iam", "AddRoleToInstanceProfile", add...).Good(t)
	root.Query("iam", "AddRoleToInstanceProfile", "InstanceProfileName", "p", "RoleName", "other").Fault(t, 409, "LimitExceeded", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
	if a := root.Query("iam", "GetInstanceProfile", "InstanceProfileName", "p").Good(t); a.XML("RoleName") != "worker" {
		t.Errorf("%s", a.Body)
	}
	if a := root.Query("iam", "ListInstanceProfilesForRole", "RoleName", "worker").Good(t); a.XML("InstanceProfileName") != "P" {
		t.Errorf("%s", a.Body)
	}
	root.Query("iam", "DeleteRole", "RoleName", "worker").Fault(t, 409, "DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.")
	root.Query("iam", "DeleteInstanceProfile", "InstanceProfileName", "p").Fault(t, 409, "DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.")
	// Who adds a role passes it; who is bound to a team changes that team's only.
	ann := h.As(t, h.User(t, "ann", doortest.AllowIf(`{"StringEquals":{"aws:ResourceTag/team":"blue"}}`, "iam:TagInstanceProfile", "iam:AddRoleToInstanceProfile", "iam:RemoveRoleFromInstanceProfile")))
	ann.Query("iam", "RemoveRoleFromInstanceProfile", add...).Good(t)
	ann.Query("iam", "AddRoleToInstanceProfile", add...).Fault(t, 403, "AccessDenied",
		"User: "+prefix+"user/ann is not authorized to perform: iam:PassRole on resource: "+prefix+"role/worker because no identity-based policy allows the iam:PassRole action")
	root.Query("iam", "RemoveRoleFromInstanceProfile", add...).Fault(t, 404, "NoSuchEntity", "The role with name worker cannot be found.")
	ann.Query("iam", "TagInstanceProfile", "InstanceProfileName", "p", "Tags.member.1.Key", "team", "Tags.member.1.Value", "red").Good(t)
	if a := ann.Query("iam", "TagInstanceProfile", "InstanceProfileName", "p", "Tags.member.1.Key", "team", "Tags.member.1.Value", "blue"); a.Code != "AccessDenied" {
		t.Errorf("%s", a.Body)
	}
	root.Query("iam", "UntagInstanceProfile", "InstanceProfileName", "p", "TagKeys.member.1", "team").Good(t)
	if a := root.Query("iam", "ListInstanceProfileTags", "InstanceProfileName", "p").Good(t); len(a.All("Key")) != 0 {
		t.Errorf("%s", a.Body)
	}
	if a := root.Query("iam", "ListInstanceProfiles", "PathPrefix", "/x/").Good(t); a.XML("InstanceProfileName") != "P" {
		t.Errorf("%s", a.Body)
	}
	root.Query("iam", "DeleteInstanceProfile", "InstanceProfileName", "p").Good(t)
	root.Query("iam", "DeleteInstanceProfile", "InstanceProfileName", "p").Fault(t, 404, "NoSuchEntity", "Instance Profile p cannot be found.")
}

func TestRolesOfServicesAreTheirs(t *testing.T) {
	h := doortest.Open(t)
	root := h.As(t, h.Root)
	house := []iam.LinkedRole{{Service: "sagemaker.amazonaws.com", Name: "AWSServiceRoleForAmazonSageMaker", Policy: doortest.Allow("ec2:DeleteNetworkInterface")}}
	for range 2 {
		if err := h.IAM.Furnish(t.Context(), doortest.Account, house); err != nil {
			t.Fatal(err)
		}
	}
	const name = "AWSServiceRoleForAmazonSageMaker"
	if a := root.Query("iam", "ListRoles").Good(t); a.XML("RoleName") != name || a.XML("Path") != "/aws-service-role/sagemaker.amazonaws.com/" {
		t.Errorf("%s", a.Body)
	}
	protected := says{400, "UnmodifiableEntity", "Cannot perform the operation on the protected role '" + name + "' - this role is only modifiable by AWS"}
	for op, params := range map[string][]string{
		"PutRolePolicy": {"PolicyName", "p", "PolicyDocument", doortest.Allow("*")}, "DeleteRolePolicy": {"PolicyName", "AmazonSageMaker"}, "AttachRolePolicy": {"PolicyArn", admin},
		"DetachRolePolicy": {"PolicyArn", admin}, "UpdateAssumeRolePolicy": {"PolicyDocument", trust}, "DeleteRole": nil, "UpdateRole": {"MaxSessionDuration", "7200"},
		"PutRolePermissionsBoundary": {"PermissionsBoundary", admin}, "DeleteRolePermissionsBoundary": nil,
	} {
		root.Query("iam", op, append(params, "RoleName", name)...).Fault(t, protected.status, protected.code, protected.text)
	}
	if a := root.Query("iam", "UpdateRoleDescription", "RoleName", name, "Description", "of the house").Good(t); a.XML("Description") != "of the house" {
		t.Errorf("%s", a.Body)
	}
	task := root.Query("iam", "DeleteServiceLinkedRole", "RoleName", name).Good(t).XML("DeletionTaskId")
	if a := root.Query("iam", "GetServiceLinkedRoleDeletionStatus", "DeletionTaskId", task).Good(t); a.XML("Status") != "FAILED" || !strings.Contains(string(a.Body), "keeps house") {
		t.Errorf("%s", a.Body)
	}
	root.Query("iam", "GetRole", "RoleName", name).Good(t)

	create := func(more ...string) *doortest.Answer { return root.Query("iam", "CreateServiceLinkedRole", more...) }
	a := create("AWSServiceName", "batch.amazonaws.com", "Description", "d").Good(t)
	if a.XML("Arn") != prefix+"role/aws-service-role/batch.amazonaws.com/AWSServiceRoleForBatch" {
		t.Errorf("%s", a.Body)
	}
	create("AWSServiceName", "batch.amazonaws.com").Fault(t, 400, "InvalidInput", "Service role name AWSServiceRoleForBatch has been taken in this account, please try a different suffix.")
	create("AWSServiceName", "batch.amazonaws.com", "CustomSuffix", "x").Fault(t, 400, "InvalidInput", "Custom suffix is not allowed for batch.amazonaws.com")
	create("AWSServiceName", "autoscaling.amazonaws.com", "CustomSuffix", "x").Good(t)
	root.Query("iam", "GetRole", "RoleName", "AWSServiceRoleForAutoScaling_x").Good(t)
	create("AWSServiceName", "none.amazonaws.com").Fault(t, 400, "InvalidInput", "Service name none.amazonaws.com is not one that Cloister knows a service-linked role of.")
	create("AWSServiceName", "sagemaker.amazonaws.com").Fault(t, 400, "InvalidInput", "Service role name "+name+" has been taken in this account, please try a different suffix.")
	h.Restart()
	root = h.As(t, h.Root)
	task = root.Query("iam", "DeleteServiceLinkedRole", "RoleName", "AWSServiceRoleForBatch").Good(t).XML("DeletionTaskId")
	if a := root.Query("iam", "GetServiceLinkedRoleDeletionStatus", "DeletionTaskId", task).Good(t); a.XML("Status") != "SUCCEEDED" {
		t.Errorf("%s", a.Body)
	}
	root.Query("iam", "GetRole", "RoleName", "AWSServiceRoleForBatch").Fault(t, 404, "NoSuchEntity", "The role with name AWSServiceRoleForBatch cannot be found.")
	root.Query("iam", "GetServiceLinkedRoleDeletionStatus", "DeletionTaskId", "task/none").Fault(t, 404, "NoSuchEntity", "The deletion task with id task/none cannot be found.")
	root.Query("iam", "CreateRole", "RoleName", "x", "Path", "/aws-service-role/batch.amazonaws.com/", "AssumeRolePolicyDocument", trust).
		Fault(t, 400, "InvalidInput", "The path /aws-service-role/ is reserved for service-linked roles.")
	root.Query("iam", "CreateRole", "RoleName", "x", "Path", "/aws-reserved/sso.amazonaws.com/", "AssumeRolePolicyDocument", trust).
		Fault(t, 400, "InvalidInput", "The path /aws-reserved/ is reserved for roles that AWS makes.")
	ann := h.As(t, h.User(t, "ann", doortest.AllowIf(`{"StringEquals":{"iam:AWSServiceName":"ecs.amazonaws.com"}}`, "iam:CreateServiceLinkedRole")))
	ann.Query("iam", "CreateServiceLinkedRole", "AWSServiceName", "ecs.amazonaws.com").Good(t)
	if a := ann.Query("iam", "CreateServiceLinkedRole", "AWSServiceName", "eks.amazonaws.com"); a.Code != "AccessDenied" {
		t.Errorf("%s", a.Body)
	}
}

func TestProviders(t *testing.T) {
	h := doortest.Open(t)
	root := h.As(t, h.Root)
	const host = "token.example.com/tenant"
	arn := prefix + "oidc-provider/" + host
	make := []string{"Url", "https://" + host, "ClientIDList.member.1", "sts.amazonaws.com", "ThumbprintList.member.1", strings.Repeat("a1", 20), "Tags.member.1.Key", "k", "Tags.member.1.Value", "v"}
	if a := root.Query("iam", "CreateOpenIDConnectProvider", make...).Good(t); a.XML("OpenIDConnectProviderArn") != arn {
		t.Errorf("%s", a.Body)
	}
	root.Query("iam", "CreateOpenIDConnectProvider", make...).Fault(t, 409, "EntityAlreadyExists", "Provider with url https://"+host+" already exists.")
	root.Query("iam", "CreateOpenIDConnectProvider", "Url", "http://x.example.com").Fault(t, 400, "ValidationError", "Invalid Open ID Connect Provider URL")
	on := []string{"OpenIDConnectProviderArn", arn}
	for range 2 {
		root.Query("iam", "AddClientIDToOpenIDConnectProvider", append(on, "ClientID", "app")...).Good(t)
	}
	if p := h.Directory.ProviderOf(doortest.Account, host); p == nil || strings.Join(p.ClientIDs, " ") != "sts.amazonaws.com app" {
		t.Errorf("known is %+v", p)
	}
	h.Restart()
	root = h.As(t, h.Root)
	if p := h.Directory.ProviderOf(doortest.Account, host); p == nil || len(p.ClientIDs) != 2 {
		t.Errorf("after a restart: %+v", p)
	}
	root.Query("iam", "RemoveClientIDFromOpenIDConnectProvider", append(on, "ClientID", "app")...).Good(t)
	root.Query("iam", "UpdateOpenIDConnectProviderThumbprint", append(on, "ThumbprintList.member.1", strings.Repeat("b2", 20))...).Good(t)
	root.Query("iam", "UpdateOpenIDConnectProviderThumbprint", append(on, "ThumbprintList.member.1", strings.Repeat("zz", 20))...).
		Fault(t, 400, "InvalidInput", "Thumbprint must be 40 hexadecimal characters.")
	root.Query("iam", "TagOpenIDConnectProvider", append(on, "Tags.member.1.Key", "K", "Tags.member.1.Value", "w")...).Good(t)
	a := root.Query("iam", "GetOpenIDConnectProvider", on...).Good(t)
	if a.XML("Url") != host || a.XML("Value") != "w" || !strings.Contains(string(a.Body), strings.Repeat("b2", 20)) || strings.Contains(string(a.Body), ">app<") {
		t.Errorf("%s", a.Body)
	}
	root.Query("iam", "UntagOpenIDConnectProvider", append(on, "TagKeys.member.1", "k")...).Good(t)
	if a := root.Query("iam", "ListOpenIDConnectProviderTags", on...).Good(t); len(a.All("Key")) != 0 {
		t.Errorf("%s", a.Body)
	}
	if a := root.Query("iam", "ListOpenIDConnectProviders").Good(t); a.XML("Arn") != arn {
		t.Errorf("%s", a.Body)
	}
	ann := h.As(t, h.User(t, "ann", ""))
	for _, op := range []string{"GetOpenIDConnectProvider", "DeleteOpenIDConnectProvider", "ListOpenIDConnectProviderTags"} {
		if a := ann.Query("iam", op, on...); a.Code != "AccessDenied" {
			t.Errorf("%s: %s", op, a.Body)
		}
	}
	for range 2 {
		root.Query("iam", "DeleteOpenIDConnectProvider", on...).Good(t)
	}
	if h.Directory.ProviderOf(doortest.Account, host) != nil {
		t.Error("still known")
	}
	root.Query("iam", "GetOpenIDConnectProvider", on...).Fault(t, 404, "NoSuchEntity", "OpenIDConnect Provider not found for arn "+arn)
}

// Clients ask for all of these before they delete a user.
func TestWhatUsersDoNotHave(t *testing.T) {
	h := doortest.Open(t)
	root := h.As(t, h.Root)
	ann := h.As(t, h.User(t, "ann", doortest.Allow("iam:ListSSHPublicKeys")))
	for _, op := range []string{"ListMFADevices", "ListSSHPublicKeys", "ListSigningCertificates", "ListServiceSpecificCredentials"} {
		if a := root.Query("iam", op, "UserName", "ann").Good(t); len(a.All("UserName")) != 0 {
			t.Errorf("%s", a.Body)
		}
		root.Query("iam", op, "UserName", "none").Fault(t, 404, "NoSuchEntity", "The user with name none cannot be found.")
		if a := ann.Query("iam", op); (a.Status == 200) != (op == "ListSSHPublicKeys") {
			t.Errorf("%s: %s", op, a.Body)
		}
	}
	root.Query("iam", "ListVirtualMFADevices").Good(t)
	for _, op := range []string{"GetLoginProfile", "DeleteLoginProfile"} {
		root.Query("iam", op, "UserName", "ann").Fault(t, 404, "NoSuchEntity", "Login Profile for User ann cannot be found.")
	}
}

func TestRolesTellWhenTheyWereUsed(t *testing.T) {
	h := doortest.Open(t)
	root := h.As(t, h.Root)
	worker := h.Role(t, "worker", doortest.Allow("iam:ListUsers"))
	ann := h.User(t, "ann", doortest.Allow("sts:AssumeRole"))
	told := func(op string, members ...string) *doortest.Answer {
		t.Helper()
		return h.As(t, h.Root).Query("iam", op, members...).Good(t)
	}
	h.As(t, h.As(t, ann).Assume(worker, "one")).Query("iam", "ListUsers").Good(t)
	for _, restart := range []bool{false, true} {
		if restart {
			if err := h.IAM.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			h.Restart()
		}
		for _, a := range []*doortest.Answer{told("GetRole", "RoleName", "worker"), told("GetAccountAuthorizationDetails", "Filter.member.1", "Role")} {
			if a.XML("LastUsedDate") == "" || a.XML("Region") != "us-east-1" {
				t.Errorf("restarted %v: %s", restart, a.Body)
			}
		}
	}
	// One that is made later under the same name was never used.
	root = h.As(t, h.Root)
	h.As(t, h.As(t, ann).Assume(worker, "one")).Query("iam", "ListUsers").Good(t)
	for _, name := range root.Query("iam", "ListRolePolicies", "RoleName", "worker").Good(t).All("member") {
		root.Query("iam", "DeleteRolePolicy", "RoleName", "worker", "PolicyName", name).Good(t)
	}
	root.Query("iam", "DeleteRole", "RoleName", "worker").Good(t)
	h.Role(t, "worker", doortest.Allow("iam:ListUsers"))
	if err := h.IAM.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if a := told("GetRole", "RoleName", "worker"); a.XML("LastUsedDate") != "" || !strings.Contains(string(a.Body), "<RoleLastUsed>") && !strings.Contains(string(a.Body), "<RoleLastUsed/>") {
		t.Errorf("%s", a.Body)
	}
}

// TestPagesOfWhatIsDeleted deletes each page before it asks for the next: nothing is passed over.
func TestPagesOfWhatIsDeleted(t *testing.T) {
	h := doortest.Open(t)
	root := h.As(t, h.Root)
	for i := range 5 {
		root.Query("iam", "CreateUser", "UserName", fmt.Sprintf("user%d", i)).Good(t)
	}
	var got []string
	marker := []string{"MaxItems", "2"}
	for more := "true"; more == "true"; {
		a := root.Query("iam", "ListUsers", marker...).Good(t)
		for _, name := range a.All("UserName") {
			got = append(got, name)
			root.Query("iam", "DeleteUser", "UserName", name).Good(t)
		}
		more, marker = a.XML("IsTruncated"), []string{"MaxItems", "2", "Marker", a.XML("Marker")}
	}
	if strings.Join(got, " ") != "user0 user1 user2 user3 user4" {
		t.Errorf("%v", got)
	}
	// Where what the next page begins with is gone too, its place stands in for it.
	for i := range 5 {
		root.Query("iam", "CreateUser", "UserName", fmt.Sprintf("user%d", i)).Good(t)
	}
	a := root.Query("iam", "ListUsers", "MaxItems", "2").Good(t)
	root.Query("iam", "DeleteUser", "UserName", "user2").Good(t)
	if got := root.Query("iam", "ListUsers", "Marker", a.XML("Marker")).Good(t).All("UserName"); strings.Join(got, " ") != "user3 user4" {
		t.Errorf("%v", got)
	}
}
