package organizations_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"cloister/internal/door/doortest"
	"cloister/internal/engine/sigv4"
)

func TestPolicies(t *testing.T) {
	w := open(t)
	root := w.begin(t)
	create := func(kind, name, document string) *doortest.Answer {
		return ask(t, w.root, "CreatePolicy", object{"Type": kind, "Name": name, "Description": "d", "Content": document})
	}
	const sentence = "The provided policy document does not meet the requirements of the specified policy type."
	everyone := `{"Version":"2012-10-17","Statement":[{"Effect":%q,"Principal":"*","Action":"s3:*","Resource":"*"}]}`
	for _, c := range []struct{ kind, document, more string }{
		{scp, `{"Version":"2012-10-17","Statement":[`, " Syntax error at position (1,38)"},
		{scp, `{"Version":"2012-10-17","Statement":[{"Effect":"deny","Action":"*","Resource":"*"}]}`, " Syntax error at position (1,48)"},
		{scp, fmt.Sprintf(everyone, "Deny"), " Policy document should not specify a principal. (line 1, column 67)"},
		{scp, `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*"}]}`, " Policy statement must contain resources. (line 1, column 38)"},
		{rcp, fmt.Sprintf(everyone, "Allow"), " (line 1, column 38)"}, // of customers, resource control policies only deny
		{rcp, doortest.Deny("s3:*"), " (line 1, column 38)"},
		{rcp, strings.Replace(fmt.Sprintf(everyone, "Deny"), `"s3:*"`, `["s3:*","*"]`, 1), " (line 1, column 88)"}, // nor may they leave the service out
		{rcp, strings.Replace(fmt.Sprintf(everyone, "Deny"), `"s3:*"`, `["s3:*","ec2:*"]`, 1), ` Resource control policies do not apply to actions of "ec2".`},
	} {
		create(c.kind, "bad", c.document).Fault(t, 400, "MalformedPolicyDocumentException", sentence+c.more)
	}
	if a := create(scp, "long", doortest.Allow("s3:"+strings.Repeat("a", 5120))); a.Code != "ConstraintViolationException" || a.Text != "You have exceeded the maximum policy size." || !strings.Contains(string(a.Body), "POLICY_CONTENT_LIMIT_EXCEEDED") {
		t.Errorf("a long one: %s", a.Body)
	}
	if a := create("TAG_POLICY", "tags", "{}"); a.Code != "InvalidInputException" {
		t.Errorf("a tag policy: %s", a.Body)
	}

	p := w.policy(t, scp, "p", doortest.Deny("sts:*"))
	create(scp, "P", doortest.Allow("*")).Fault(t, 400, "DuplicatePolicyException", "A policy with the same name already exists.")
	create(rcp, "p", fmt.Sprintf(everyone, "Deny")).Good(t) // of the other type it may
	create(rcp, "elsewhere", strings.Replace(fmt.Sprintf(everyone, "Deny"), `"s3:*"`, `["S3:Get*","cloudfront:*"]`, 1)).Good(t)
	d := get(t, w.root, "DescribePolicy", object{"PolicyId": p})
	arn := d["Policy"].(object)["PolicySummary"].(object)["Arn"].(string)
	if !strings.HasPrefix(arn, "arn:aws:organizations::111122223333:policy/o-") || !strings.HasSuffix(arn, "/service_control_policy/"+p) {
		t.Errorf("its ARN is %s", arn)
	}
	if got := ids(get(t, w.root, "ListPolicies", object{"Filter": scp}), "Policies", "Name"); !slices.Equal(slices.Sorted(slices.Values(got)), []string{"FullAWSAccess", "p"}) {
		t.Errorf("policies are %v", got)
	}
	if got := ids(get(t, w.root, "ListPolicies", object{"Filter": "TAG_POLICY"}), "Policies", "Name"); len(got) != 0 {
		t.Errorf("of a type that is not here: %v", got)
	}
	get(t, w.root, "UpdatePolicy", object{"PolicyId": p, "Name": "q"})
	if a := ask(t, w.root, "UpdatePolicy", object{"PolicyId": "p-FullAWSAccess", "Name": "mine"}); a.Code != "InvalidInputException" || !strings.Contains(string(a.Body), "IMMUTABLE_POLICY") {
		t.Errorf("changing AWS's own: %s", a.Body)
	}
	const unknown = "You specified a policy that doesn't exist."
	for _, op := range []string{"DescribePolicy", "DeletePolicy", "UpdatePolicy", "ListTargetsForPolicy"} {
		ask(t, w.root, op, object{"PolicyId": "p-nonesuch"}).Fault(t, 400, "PolicyNotFoundException", unknown)
	}

	attach := func(op, policy, target string) *doortest.Answer {
		return ask(t, w.root, op, object{"PolicyId": policy, "TargetId": target})
	}
	attach("AttachPolicy", p, "999999999999").Fault(t, 400, "TargetNotFoundException", "You specified a target that doesn't exist.")
	attach("AttachPolicy", "p-nonesuch", root).Fault(t, 400, "PolicyNotFoundException", unknown)
	attach("DetachPolicy", p, root).Fault(t, 400, "PolicyNotAttachedException", "The policy isn't attached to the specified target in the specified root.")
	attach("AttachPolicy", p, root).Good(t)
	attach("AttachPolicy", p, root).Fault(t, 400, "DuplicatePolicyAttachmentException", "The selected policy is already attached to the specified target.")
	if a := ask(t, w.root, "DeletePolicy", object{"PolicyId": p}); a.Code != "PolicyInUseException" {
		t.Errorf("deleting what is attached: %s", a.Body)
	}
	for i := range 3 {
		attach("AttachPolicy", w.policy(t, scp, fmt.Sprint("more", i), doortest.Allow("*")), root).Good(t)
	}
	if a := attach("AttachPolicy", w.policy(t, scp, "sixth", doortest.Allow("*")), root); a.Code != "ConstraintViolationException" || a.Text != "You have attached the maximum number of policies to the specified target." {
		t.Errorf("the sixth: %s", a.Body)
	}
	attach("DetachPolicy", "p-FullAWSAccess", root).Good(t)
	for i, id := range ids(get(t, w.root, "ListPoliciesForTarget", object{"TargetId": root, "Filter": scp}), "Policies", "Id") {
		a := attach("DetachPolicy", id, root)
		if i == 3 {
			a.Fault(t, 400, "ConstraintViolationException", "You cannot remove the last policy attached to the specified target. You must have at least one attached at all times.")
		} else {
			a.Good(t)
		}
	}
	if a := attach("DetachPolicy", "p-RCPFullAWSAccess", root); a.Code != "InvalidInputException" || !strings.Contains(string(a.Body), "NON_DETACHABLE_POLICY") {
		t.Errorf("detaching RCPFullAWSAccess: %s", a.Body)
	}

	// Types: what is detached by disabling stays off.
	kind := object{"RootId": root, "PolicyType": scp}
	ask(t, w.root, "EnablePolicyType", kind).Fault(t, 400, "PolicyTypeAlreadyEnabledException", "The specified policy type is already enabled.")
	if got := get(t, w.root, "DisablePolicyType", kind)["Root"].(object); len(ids(got, "PolicyTypes", "Type")) != 1 {
		t.Errorf("the root is %v", got)
	}
	ask(t, w.root, "DisablePolicyType", kind).Fault(t, 400, "PolicyTypeNotEnabledException", "This operation can be performed only for enabled policy types.")
	attach("AttachPolicy", p, root).Fault(t, 400, "PolicyTypeNotEnabledException", "This operation can be performed only for enabled policy types.")
	ask(t, w.root, "EnablePolicyType", object{"RootId": "r-none", "PolicyType": scp}).Fault(t, 400, "RootNotFoundException", "You specified a root that doesn't exist.")
	ask(t, w.root, "EnablePolicyType", object{"RootId": root, "PolicyType": "TAG_POLICY"}).Fault(t, 400, "InvalidInputException", "Policies of type TAG_POLICY are not supported by Cloister.")
	get(t, w.root, "EnablePolicyType", kind)
	if got := ids(get(t, w.root, "ListPoliciesForTarget", object{"TargetId": root, "Filter": scp}), "Policies", "Id"); !slices.Equal(got, []string{"p-FullAWSAccess"}) {
		t.Errorf("enabled again the root is under %v", got)
	}
	ask(t, w.root, "DeletePolicy", object{"PolicyId": p}).Good(t)
}

// TestDecisions has policies of an organisation decide, each from the call after the one that put it there.
func TestDecisions(t *testing.T) {
	w := open(t)
	root := w.begin(t)
	w.invited(t, w.other, doortest.Other)
	unit := at(get(t, w.root, "CreateOrganizationalUnit", object{"ParentId": root, "Name": "u"}), "OrganizationalUnit", "Id")
	get(t, w.root, "MoveAccount", object{"AccountId": doortest.Other, "SourceParentId": root, "DestinationParentId": unit})
	list := func(c *doortest.Client) *doortest.Answer { return c.Query("iam", "ListUsers") }
	deny := w.policy(t, scp, "no users", `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"iam:ListUsers","Resource":"*"}]}`)
	arn := get(t, w.root, "DescribePolicy", object{"PolicyId": deny})["Policy"].(object)["PolicySummary"].(object)["Arn"].(string)
	const refused = "User: arn:aws:iam::444455556666:root is not authorized to perform: iam:ListUsers on resource: arn:aws:iam::444455556666:user/ "

	list(w.other).Good(t)
	for _, target := range []string{root, unit, doortest.Other} {
		get(t, w.root, "AttachPolicy", object{"PolicyId": deny, "TargetId": target})
		list(w.other).Fault(t, 403, "AccessDenied", refused+"with an explicit deny in a service control policy: "+arn)
		list(w.root).Good(t)
		get(t, w.root, "DetachPolicy", object{"PolicyId": deny, "TargetId": target})
		list(w.other).Good(t)
	}

	// A level that does not allow.
	some := w.policy(t, scp, "some", doortest.Allow("sts:*", "iam:Create*"))
	get(t, w.root, "AttachPolicy", object{"PolicyId": some, "TargetId": unit})
	list(w.other).Good(t)
	get(t, w.root, "DetachPolicy", object{"PolicyId": "p-FullAWSAccess", "TargetId": unit})
	list(w.other).Fault(t, 403, "AccessDenied", refused+"because no service control policy allows the iam:ListUsers action")
	w.other.Query("iam", "CreateUser", "UserName", "bob").Good(t)
	get(t, w.root, "UpdatePolicy", object{"PolicyId": some, "Content": doortest.Allow("iam:*")})
	list(w.other).Good(t)
	get(t, w.root, "UpdatePolicy", object{"PolicyId": some, "Content": doortest.Allow("sts:*")})
	list(w.other).Fault(t, 403, "AccessDenied", refused+"because no service control policy allows the iam:ListUsers action")

	// After a crash, too; out of the unit, out of the organisation, and with the type disabled it is over.
	w.restart(t)
	list(w.other).Fault(t, 403, "AccessDenied", refused+"because no service control policy allows the iam:ListUsers action")
	get(t, w.root, "MoveAccount", object{"AccountId": doortest.Other, "SourceParentId": unit, "DestinationParentId": root})
	list(w.other).Good(t)
	get(t, w.root, "AttachPolicy", object{"PolicyId": deny, "TargetId": doortest.Other})
	list(w.other).Fault(t, 403, "AccessDenied", refused+"with an explicit deny in a service control policy: "+arn)
	get(t, w.root, "RemoveAccountFromOrganization", object{"AccountId": doortest.Other})
	list(w.other).Good(t)
	w.invited(t, w.other, doortest.Other)
	list(w.other).Good(t)
	get(t, w.root, "AttachPolicy", object{"PolicyId": deny, "TargetId": root})
	list(w.other).Fault(t, 403, "AccessDenied", refused+"with an explicit deny in a service control policy: "+arn)
	get(t, w.root, "DisablePolicyType", object{"RootId": root, "PolicyType": scp})
	list(w.other).Good(t)
}

// TestResourcePolicies keeps outsiders from a role that trusts them.
func TestResourcePolicies(t *testing.T) {
	w := open(t)
	root := w.begin(t)
	w.invited(t, w.other, doortest.Other)
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["111122223333","777788889999"]},"Action":"sts:AssumeRole"}]}`
	w.other.Query("iam", "CreateRole", "RoleName", "open", "AssumeRolePolicyDocument", trust).Good(t)
	assume := func(c *doortest.Client) *doortest.Answer {
		return c.Query("sts", "AssumeRole", "RoleArn", "arn:aws:iam::444455556666:role/open", "RoleSessionName", "visit")
	}
	user := func(c *doortest.Client) *doortest.Client {
		c.Query("iam", "CreateUser", "UserName", "u").Good(t)
		c.Query("iam", "PutUserPolicy", "UserName", "u", "PolicyName", "p", "PolicyDocument", doortest.Allow("sts:*")).Good(t)
		k := c.Query("iam", "CreateAccessKey", "UserName", "u").Good(t)
		return w.As(t, sigv4.Credentials{AccessKey: k.XML("AccessKeyId"), Secret: k.XML("SecretAccessKey")})
	}
	friend, outsider := user(w.root), user(w.thirds)
	assume(friend).Good(t)
	assume(outsider).Good(t)
	o := at(get(t, w.root, "DescribeOrganization", nil), "Organization", "Id")
	perimeter := w.policy(t, rcp, "perimeter", `{"Version":"2012-10-17","Statement":[{"Sid":"Ours","Effect":"Deny","Principal":"*","Action":"sts:AssumeRole","Resource":"*",
		"Condition":{"StringNotEqualsIfExists":{"aws:PrincipalOrgID":"`+o+`"}}}]}`)
	get(t, w.root, "AttachPolicy", object{"PolicyId": perimeter, "TargetId": root})
	assume(friend).Good(t)
	// An account outside is told neither which kind of policy nor whose.
	assume(outsider).Fault(t, 403, "AccessDenied", "User: arn:aws:iam::777788889999:user/u is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::444455556666:role/open")
}

// TestWho asks the policies of the management account's own users, by ARNs that requests do not say.
func TestWho(t *testing.T) {
	w := open(t)
	root := w.begin(t)
	o := at(get(t, w.root, "DescribeOrganization", nil), "Organization", "Id")
	one := at(get(t, w.root, "CreateOrganizationalUnit", object{"ParentId": root, "Name": "one"}), "OrganizationalUnit", "Id")
	two := at(get(t, w.root, "CreateOrganizationalUnit", object{"ParentId": root, "Name": "two", "Tags": []object{{"Key": "team", "Value": "x"}}}), "OrganizationalUnit", "Id")
	p := w.policy(t, scp, "p", doortest.Allow("*"))
	ann := w.As(t, w.User(t, "ann", `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"organizations:AttachPolicy","Resource":["arn:aws:organizations::111122223333:ou/`+o+`/`+one+`","arn:aws:organizations::*:policy/o-*/service_control_policy/*"]},
		{"Effect":"Allow","Action":"organizations:DescribeOrganizationalUnit","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"x"}}},
		{"Effect":"Allow","Action":"organizations:TagResource","Resource":"*","Condition":{"ForAllValues:StringEquals":{"aws:TagKeys":["team"]}}}]}`))
	arn := func(unit string) string { return "arn:aws:organizations::111122223333:ou/" + o + "/" + unit }
	denied := func(a *doortest.Answer, action, resource string) {
		t.Helper()
		a.Fault(t, 400, "AccessDeniedException", "User: arn:aws:iam::111122223333:user/ann is not authorized to perform: organizations:"+action+" on resource: "+resource+
			" because no identity-based policy allows the organizations:"+action+" action")
	}
	ask(t, ann, "AttachPolicy", object{"PolicyId": p, "TargetId": one}).Good(t)
	denied(ask(t, ann, "AttachPolicy", object{"PolicyId": p, "TargetId": two}), "AttachPolicy", arn(two))
	ask(t, ann, "DescribeOrganizationalUnit", object{"OrganizationalUnitId": two}).Good(t)
	denied(ask(t, ann, "DescribeOrganizationalUnit", object{"OrganizationalUnitId": one}), "DescribeOrganizationalUnit", arn(one))
	ask(t, ann, "TagResource", object{"ResourceId": one, "Tags": []object{{"Key": "team", "Value": "x"}}}).Good(t)
	ask(t, ann, "DescribeOrganizationalUnit", object{"OrganizationalUnitId": one}).Good(t)
	denied(ask(t, ann, "TagResource", object{"ResourceId": one, "Tags": []object{{"Key": "other", "Value": "x"}}}), "TagResource", arn(one))
	denied(ask(t, ann, "CreateOrganization", nil), "CreateOrganization", "*")

	// A policy's type is known of every request that names one.
	bob := w.As(t, w.User(t, "bob", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"organizations:*","Resource":"*"},
		{"Effect":"Deny","Action":"organizations:*","Resource":"*","Condition":{"StringEquals":{"organizations:PolicyType":"RESOURCE_CONTROL_POLICY"}}}]}`))
	ask(t, bob, "DescribePolicy", object{"PolicyId": p}).Good(t)
	for op, in := range map[string]object{"DescribePolicy": {"PolicyId": "p-RCPFullAWSAccess"}, "DetachPolicy": {"PolicyId": "p-RCPFullAWSAccess", "TargetId": one},
		"ListPolicies": {"Filter": rcp}, "DisablePolicyType": {"RootId": root, "PolicyType": rcp}} {
		if a := ask(t, bob, op, in); a.Code != "AccessDeniedException" || !strings.Contains(a.Text, "with an explicit deny in an identity-based policy") {
			t.Errorf("%s: %s", op, a.Body)
		}
	}

	// Another account learns nothing from what an id is resolved to.
	eve := `User: arn:aws:iam::444455556666:user/eve is not authorized to perform: organizations:DescribeOrganizationalUnit on resource: arn:aws:organizations::444455556666:` + one +
		` because no identity-based policy allows the organizations:DescribeOrganizationalUnit action`
	w.other.Query("iam", "CreateUser", "UserName", "eve").Good(t)
	k := w.other.Query("iam", "CreateAccessKey", "UserName", "eve").Good(t)
	e := w.As(t, sigv4.Credentials{AccessKey: k.XML("AccessKeyId"), Secret: k.XML("SecretAccessKey")})
	ask(t, e, "DescribeOrganizationalUnit", object{"OrganizationalUnitId": one}).Fault(t, 400, "AccessDeniedException", eve)
}

func TestTags(t *testing.T) {
	w := open(t)
	root := w.begin(t)
	w.invited(t, w.other, doortest.Other)
	unit := at(get(t, w.root, "CreateOrganizationalUnit", object{"ParentId": root, "Name": "u"}), "OrganizationalUnit", "Id")
	p := w.policy(t, scp, "p", doortest.Allow("*"))
	for _, id := range []string{root, unit, doortest.Other, p} {
		get(t, w.root, "TagResource", object{"ResourceId": id, "Tags": []object{{"Key": "b", "Value": "1"}, {"Key": "a", "Value": "2"}}})
		get(t, w.root, "TagResource", object{"ResourceId": id, "Tags": []object{{"Key": "B", "Value": "3"}}})
		if got := get(t, w.root, "ListTagsForResource", object{"ResourceId": id}); !slices.Equal(ids(got, "Tags", "Value"), []string{"3", "2"}) {
			t.Errorf("%s has %v", id, got)
		}
		get(t, w.root, "UntagResource", object{"ResourceId": id, "TagKeys": []string{"a", "b", "none"}})
		if got := get(t, w.root, "ListTagsForResource", object{"ResourceId": id}); len(ids(got, "Tags", "Key")) != 0 {
			t.Errorf("%s has %v", id, got)
		}
	}
	ask(t, w.root, "TagResource", object{"ResourceId": "p-nonesuch", "Tags": []object{{"Key": "b", "Value": "1"}}}).Fault(t, 400, "TargetNotFoundException", "You specified a target that doesn't exist.")
	var many []object
	for i := range 51 {
		many = append(many, object{"Key": fmt.Sprint(i), "Value": ""})
	}
	if a := ask(t, w.root, "TagResource", object{"ResourceId": root, "Tags": many}); a.Code != "ConstraintViolationException" || !strings.Contains(string(a.Body), "MAX_TAG_LIMIT_EXCEEDED") {
		t.Errorf("51 tags: %s", a.Body)
	}
	if a := ask(t, w.root, "TagResource", object{"ResourceId": root, "Tags": []object{{"Key": "a", "Value": ""}, {"Key": "A", "Value": ""}}}); a.Code != "InvalidInputException" {
		t.Errorf("a key twice: %s", a.Body)
	}
	if a := ask(t, w.root, "TagResource", object{"ResourceId": root, "Tags": []object{{"Key": "AWS:a", "Value": ""}}}); a.Code != "InvalidInputException" || !strings.Contains(string(a.Body), "INVALID_SYSTEM_TAGS_PARAMETER") {
		t.Errorf("AWS's own: %s", a.Body)
	}
}
