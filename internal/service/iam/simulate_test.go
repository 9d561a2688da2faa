package iam_test

import (
	"strings"
	"testing"

	"cloister/internal/door/doortest"
	"cloister/internal/engine/policy"
	"cloister/internal/frame/directory"
)

// The two policies and their results are those of the AWS CLI's examples.
func TestSimulateCustomPolicyByTheClock(t *testing.T) {
	h := doortest.Open(t)
	root := h.As(t, h.Root)
	const document = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"dynamodb:*","Resource":"*","Condition":{"DateGreaterThan":{"aws:CurrentTime":"2018-08-16T12:00:00Z"}}}}`
	ask := func(more ...string) *doortest.Answer {
		return root.Query("iam", "SimulateCustomPolicy", append([]string{"PolicyInputList.member.1", document, "ActionNames.member.1", "dynamodb:CreateBackup"}, more...)...)
	}
	at := func(day string) []string {
		return []string{"ContextEntries.member.1.ContextKeyName", "aws:CurrentTime", "ContextEntries.member.1.ContextKeyValues.member.1", day, "ContextEntries.member.1.ContextKeyType", "date"}
	}
	a := ask(at("2019-04-25T11:00:00Z")...).Good(t)
	if a.XML("EvalDecision") != "allowed" || a.XML("EvalResourceName") != "*" || a.XML("SourcePolicyId") != "PolicyInputList.1" ||
		strings.Join(a.All("Line"), ",")+" "+strings.Join(a.All("Column"), ",") != "1,1 38,167" {
		t.Errorf("%s", a.Body)
	}
	if a := ask(at("2014-04-25T11:00:00Z")...).Good(t); a.XML("EvalDecision") != "implicitDeny" || a.XML("SourcePolicyId") != "" {
		t.Errorf("%s", a.Body)
	}
	if a := ask().Good(t); a.XML("EvalDecision") != "implicitDeny" || !strings.Contains(string(a.Body), "<MissingContextValues><member>aws:CurrentTime</member></MissingContextValues>") {
		t.Errorf("%s", a.Body)
	}
	ask(at("yesterday")...).Fault(t, 400, "InvalidInput", `Invalid Input ContextEntries: "yesterday" of aws:CurrentTime is not of type date.`)
}

func TestSimulateCustomPolicyTellsWhichStatements(t *testing.T) {
	h := doortest.Open(t)
	root := h.As(t, h.Root)
	const document = "{\n    \"Version\": \"2012-10-17\",\n    \"Statement\": [\n        {\n            \"Sid\": \"One\",\n            \"Effect\": \"Allow\",\n            \"Action\": \"s3:*\",\n            \"Resource\": \"*\"\n        },\n" +
		"        {\n            \"Effect\": \"Deny\",\n            \"Action\": \"s3:DeleteObject\",\n            \"Resource\": \"arn:aws:s3:::kept/*\"\n        }\n    ]\n}"
	a := root.Query("iam", "SimulateCustomPolicy", "PolicyInputList.member.1", document, "ActionNames.member.1", "s3:GetObject", "ActionNames.member.2", "s3:DeleteObject",
		"ResourceArns.member.1", "arn:aws:s3:::kept/a", "ResourceArns.member.2", "arn:aws:s3:::loose/a").Good(t)
	if got := strings.Join(a.All("EvalDecision"), " "); got != "allowed allowed explicitDeny allowed" {
		t.Errorf("%s: %s", got, a.Body)
	}
	if got := strings.Join(a.All("EvalResourceDecision"), " "); got != "allowed allowed explicitDeny allowed" {
		t.Errorf("%s: %s", got, a.Body)
	}
	third := string(a.Body)[strings.Index(string(a.Body), "explicitDeny"):]
	if !strings.Contains(third, "<StartPosition><Line>9</Line><Column>10</Column></StartPosition><EndPosition><Line>14</Line><Column>10</Column></EndPosition>") {
		t.Errorf("%s", third)
	}
	if !strings.Contains(string(a.Body), "<StartPosition><Line>3</Line><Column>19</Column></StartPosition><EndPosition><Line>9</Line><Column>10</Column></EndPosition>") {
		t.Errorf("%s", a.Body)
	}
	page := root.Query("iam", "SimulateCustomPolicy", "PolicyInputList.member.1", document, "ActionNames.member.1", "s3:GetObject", "ActionNames.member.2", "s3:DeleteObject",
		"ResourceArns.member.1", "arn:aws:s3:::kept/a", "ResourceArns.member.2", "arn:aws:s3:::loose/a", "MaxItems", "2", "Marker", "1").Good(t)
	if got := strings.Join(page.All("EvalDecision"), " "); got != "allowed explicitDeny" || page.XML("IsTruncated") != "true" || page.XML("Marker") != "3" {
		t.Errorf("%s", page.Body)
	}
}

func TestSimulateCustomPolicyWithEverySide(t *testing.T) {
	h := doortest.Open(t)
	root := h.As(t, h.Root)
	const bucket = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/ann"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}}`
	ask := func(more ...string) *doortest.Answer {
		return root.Query("iam", "SimulateCustomPolicy", append([]string{"ActionNames.member.1", "s3:GetObject", "ResourceArns.member.1", "arn:aws:s3:::b/x"}, more...)...)
	}
	none := []string{"PolicyInputList.member.1", doortest.Allow("sqs:*")}
	gets := []string{"PolicyInputList.member.1", doortest.Allow("s3:*")}
	ann := []string{"ResourcePolicy", bucket, "CallerArn", "arn:aws:iam::111122223333:user/ann"}
	bob := []string{"ResourcePolicy", bucket, "CallerArn", "arn:aws:iam::111122223333:user/bob"}
	away := []string{"ResourceOwner", "arn:aws:iam::444455556666:root"}
	bound := []string{"PermissionsBoundaryPolicyInputList.member.1", doortest.Allow("sqs:*")}
	of := func(lists ...[]string) (out []string) {
		for _, l := range lists {
			out = append(out, l...)
		}
		return out
	}
	for name, c := range map[string]struct {
		params []string
		want   string
		has    string
	}{
		"the bucket's policy names her":     {of(none, ann), "allowed", "<SourcePolicyId>ResourcePolicy</SourcePolicyId><SourcePolicyType>Resource Policy</SourcePolicyType>"},
		"it does not name him":              {of(none, bob), "implicitDeny", "<MatchedStatements></MatchedStatements>"},
		"his own":                           {of(gets, bob), "allowed", "<SourcePolicyType>IAM Policy</SourcePolicyType>"},
		"across accounts, both":             {of(gets, ann, away), "allowed", "<value>allowed</value>"},
		"across accounts, only theirs":      {of(none, ann, away), "implicitDeny", "<key>IAM Policy</key><value>implicitDeny</value>"},
		"across accounts, only hers":        {of(gets, bob, away), "implicitDeny", "<key>Resource Policy</key><value>implicitDeny</value>"},
		"a boundary that does not allow":    {of(gets, bound), "implicitDeny", "<AllowedByPermissionsBoundary>false</AllowedByPermissionsBoundary>"},
		"a boundary that allows":            {of(gets, []string{"PermissionsBoundaryPolicyInputList.member.1", doortest.Allow("s3:*")}), "allowed", "<AllowedByPermissionsBoundary>true</AllowedByPermissionsBoundary>"},
		"a boundary and a bucket's policy":  {of(none, ann, bound), "allowed", "<AllowedByPermissionsBoundary>false</AllowedByPermissionsBoundary>"},
		"a variable of the caller's":        {of([]string{"PolicyInputList.member.1", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::b/*","Condition":{"StringEquals":{"aws:username":"ann"}}}}`}, ann), "allowed", ""},
		"a set of values for a set of keys": {of([]string{"PolicyInputList.member.1", doortest.AllowIf(`{"ForAllValues:StringEquals":{"aws:TagKeys":["a","b"]}}`, "*"), "ContextEntries.member.1.ContextKeyName", "aws:TagKeys", "ContextEntries.member.1.ContextKeyType", "stringList", "ContextEntries.member.1.ContextKeyValues.member.1", "a", "ContextEntries.member.1.ContextKeyValues.member.2", "c"}), "implicitDeny", ""},
	} {
		if a := ask(c.params...).Good(t); a.XML("EvalDecision") != c.want || !strings.Contains(string(a.Body), c.has) {
			t.Errorf("%s: %s", name, a.Body)
		}
	}
	for text, params := range map[string][]string{
		`Invalid Input CallerArn: it is required with ResourcePolicy.`:                                         of(none, []string{"ResourcePolicy", bucket}),
		`Invalid Input CallerArn: arn:aws:iam::111122223333:role/r is not the ARN of an IAM user.`:             of(none, []string{"CallerArn", "arn:aws:iam::111122223333:role/r"}),
		`Invalid Input ResourceOwner: nobody is not an account.`:                                               of(none, []string{"ResourceOwner", "nobody"}),
		`Invalid Input ResourceHandlingOption: EC2-VPC-EBS is not simulated here, remove it from the request.`: of(none, []string{"ResourceHandlingOption", "EC2-VPC-EBS"}),
		`Invalid Input PermissionsBoundaryPolicyInputList: there can be one permissions boundary.`:             of(none, bound, []string{"PermissionsBoundaryPolicyInputList.member.2", doortest.Allow("s3:*")}),
		`Invalid Input ContextEntries: aws:SourceIp of type ip has one value.`:                                 of(none, []string{"ContextEntries.member.1.ContextKeyName", "aws:SourceIp", "ContextEntries.member.1.ContextKeyType", "ip"}),
		`Invalid Input Actions: "s3:*" require different authorization information.`:                           of(none, []string{"ActionNames.member.2", "s3:*"}),
		`Invalid Input PolicyInputList.2: Policy document should not specify a principal.`:                     of(none, []string{"PolicyInputList.member.2", bucket}),
	} {
		a := ask(params...)
		if a.Status != 400 || a.Code != "InvalidInput" || !strings.HasPrefix(a.Text, text) {
			t.Errorf("%d %s %q, want %q", a.Status, a.Code, a.Text, text)
		}
	}
	bob2 := h.As(t, h.User(t, "bob", ""))
	if a := bob2.Query("iam", "SimulateCustomPolicy", "PolicyInputList.member.1", doortest.Allow("s3:*"), "ActionNames.member.1", "s3:GetObject"); a.Code != "AccessDenied" {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}

func TestContextKeysOfPolicies(t *testing.T) {
	h := doortest.Open(t)
	root := h.As(t, h.Root)
	a := root.Query("iam", "GetContextKeysForCustomPolicy",
		"PolicyInputList.member.1", doortest.AllowIf(`{"StringEquals":{"aws:SourceVpc":"v","aws:PrincipalTag/Team":"x"},"StringLike":{"s3:prefix":"${aws:username}/*"}}`, "s3:*"),
		"PolicyInputList.member.2", doortest.AllowIf(`{"Null":{"AWS:SOURCEVPC":"true"}}`, "s3:*")).Good(t)
	if got := strings.Join(a.All("member"), " "); got != "aws:SourceVpc aws:PrincipalTag/Team s3:prefix aws:username" {
		t.Errorf("%s", a.Body)
	}
	if a := root.Query("iam", "GetContextKeysForCustomPolicy", "PolicyInputList.member.1", "{"); a.Code != "InvalidInput" {
		t.Errorf("%s", a.Body)
	}
}

func TestSimulatePrincipalPolicy(t *testing.T) {
	h := doortest.Open(t)
	root := h.As(t, h.Root)
	c := h.As(t, h.User(t, "ann", doortest.Allow("codecommit:ListRepositories", "iam:SimulatePrincipalPolicy")))
	worker := h.Role(t, "worker", doortest.AllowIf(`{"StringEquals":{"aws:PrincipalTag/team":"red","aws:SourceVpce":"vpce-1"}}`, "sqs:*"))
	root.Query("iam", "TagRole", "RoleName", "worker", "Tags.member.1.Key", "team", "Tags.member.1.Value", "red").Good(t)
	root.Query("iam", "AttachRolePolicy", "RoleName", "worker", "PolicyArn", "arn:aws:iam::aws:policy/AmazonSageMakerReadOnly").Good(t)
	arn := root.Query("iam", "CreatePolicy", "PolicyName", "own", "PolicyDocument", doortest.Allow("sns:*")).Good(t).XML("Arn")
	root.Query("iam", "AttachUserPolicy", "UserName", "ann", "PolicyArn", arn).Good(t)
	ask := func(of, action string, more ...string) *doortest.Answer {
		t.Helper()
		return c.Query("iam", "SimulatePrincipalPolicy", append([]string{"PolicySourceArn", of, "ActionNames.member.1", action}, more...)...).Good(t)
	}
	vpce := []string{"ContextEntries.member.1.ContextKeyName", "aws:SourceVpce", "ContextEntries.member.1.ContextKeyType", "string", "ContextEntries.member.1.ContextKeyValues.member.1", "vpce-1"}
	for _, x := range []struct {
		of, action string
		more       []string
		want, id   string
	}{
		{prefix + "user/ann", "codecommit:ListRepositories", nil, "allowed", "user_ann_inline"},
		{prefix + "user/ann", "sns:Publish", nil, "allowed", "own"},
		{prefix + "user/ann", "sqs:SendMessage", nil, "implicitDeny", ""},
		{prefix + "user/ann", "sqs:SendMessage", []string{"PolicyInputList.member.1", doortest.Allow("sqs:*")}, "allowed", "PolicyInputList.1"},
		{prefix + "user/ann", "sns:Publish", []string{"PolicyInputList.member.1", doortest.Deny("sns:*")}, "explicitDeny", "PolicyInputList.1"},
		{prefix + "user/ann", "sns:Publish", []string{"PermissionsBoundaryPolicyInputList.member.1", doortest.Allow("sqs:*")}, "implicitDeny", ""},
		{worker, "sagemaker:DescribeModel", nil, "allowed", "AmazonSageMakerReadOnly"},
		{worker, "sqs:SendMessage", nil, "implicitDeny", ""},
		{worker, "sqs:SendMessage", vpce, "allowed", "role_worker_inline"},
	} {
		if a := ask(x.of, x.action, x.more...); a.XML("EvalDecision") != x.want || a.XML("SourcePolicyId") != x.id {
			t.Errorf("%s %s %v: %s", x.of, x.action, x.more, a.Body)
		}
	}
	if a := ask(worker, "sqs:SendMessage"); !strings.Contains(string(a.Body), "<MissingContextValues><member>aws:SourceVpce</member></MissingContextValues>") {
		t.Errorf("%s", a.Body)
	}
	if a := root.Query("iam", "GetContextKeysForPrincipalPolicy", "PolicySourceArn", worker).Good(t); strings.Join(a.All("member"), " ") != "aws:PrincipalTag/team aws:SourceVpce" {
		t.Errorf("%s", a.Body)
	}
	root.Query("iam", "SimulatePrincipalPolicy", "PolicySourceArn", prefix+"user/none", "ActionNames.member.1", "s3:GetObject").Fault(t, 404, "NoSuchEntity", "The user with name none cannot be found.")
	root.Query("iam", "SimulatePrincipalPolicy", "PolicySourceArn", "arn:aws:iam::444455556666:user/none", "ActionNames.member.1", "s3:GetObject").Fault(t, 403, "AccessDenied",
		"User: "+prefix+"root is not authorized to perform: iam:SimulatePrincipalPolicy on resource: arn:aws:iam::444455556666:user/none")
	root.Query("iam", "SimulatePrincipalPolicy", "PolicySourceArn", arn, "ActionNames.member.1", "s3:GetObject").Fault(t, 400, "InvalidInput",
		"Invalid Input PolicySourceArn: "+arn+" is not the ARN of a user, group or role.")
	if a := c.Query("iam", "GetContextKeysForPrincipalPolicy", "PolicySourceArn", worker); a.Code != "AccessDenied" {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}

// A user has its groups' policies, and its boundary unless another is given; a group can be asked about by itself.
func TestSimulatePrincipalPolicyOfGroupsAndBoundaries(t *testing.T) {
	h := doortest.Open(t)
	root := h.As(t, h.Root)
	root.Query("iam", "CreateUser", "UserName", "ann").Good(t)
	group := root.Query("iam", "CreateGroup", "GroupName", "team").Good(t).XML("Arn")
	root.Query("iam", "PutGroupPolicy", "GroupName", "team", "PolicyName", "in", "PolicyDocument", doortest.Allow("sqs:*")).Good(t)
	root.Query("iam", "AttachGroupPolicy", "GroupName", "team", "PolicyArn", "arn:aws:iam::aws:policy/AmazonSageMakerReadOnly").Good(t)
	root.Query("iam", "AddUserToGroup", "GroupName", "team", "UserName", "ann").Good(t)
	boundary := root.Query("iam", "CreatePolicy", "PolicyName", "b", "PolicyDocument", doortest.Allow("sagemaker:*")).Good(t).XML("Arn")
	ask := func(of, action string, more ...string) *doortest.Answer {
		t.Helper()
		return root.Query("iam", "SimulatePrincipalPolicy", append([]string{"PolicySourceArn", of, "ActionNames.member.1", action}, more...)...).Good(t)
	}
	check := func(a *doortest.Answer, want, id, bounded string) {
		t.Helper()
		if a.XML("EvalDecision") != want || a.XML("SourcePolicyId") != id || a.XML("AllowedByPermissionsBoundary") != bounded {
			t.Errorf("%s", a.Body)
		}
	}
	for _, of := range []string{group, prefix + "user/ann"} {
		check(ask(of, "sqs:SendMessage"), "allowed", "group_team_in", "")
		check(ask(of, "sagemaker:ListModels"), "allowed", "AmazonSageMakerReadOnly", "")
	}
	root.Query("iam", "PutUserPermissionsBoundary", "UserName", "ann", "PermissionsBoundary", boundary).Good(t)
	check(ask(prefix+"user/ann", "sqs:SendMessage"), "implicitDeny", "", "false")
	check(ask(prefix+"user/ann", "sagemaker:ListModels"), "allowed", "AmazonSageMakerReadOnly", "true")
	check(ask(prefix+"user/ann", "sqs:SendMessage", "PermissionsBoundaryPolicyInputList.member.1", doortest.Allow("sqs:*")), "allowed", "group_team_in", "true")
	if a := root.Query("iam", "GetPolicy", "PolicyArn", boundary).Good(t); a.XML("PermissionsBoundaryUsageCount") != "1" || a.XML("AttachmentCount") != "0" {
		t.Errorf("%s", a.Body)
	}
	if a := root.Query("iam", "ListEntitiesForPolicy", "PolicyArn", boundary, "PolicyUsageFilter", "PermissionsBoundary").Good(t); a.XML("UserName") != "ann" {
		t.Errorf("%s", a.Body)
	}
	root.Query("iam", "DeletePolicy", "PolicyArn", boundary).Fault(t, 409, "DeleteConflict", "Cannot delete a policy attached to entities.")
}

// What an organisation's policies say is told apart, and decides with the rest.
func TestSimulatePrincipalPolicyInAnOrganisation(t *testing.T) {
	h := doortest.Open(t)
	root := h.As(t, h.Root)
	h.User(t, "ann", doortest.Allow("*"))
	level := func(text string) []policy.Attached {
		d, err := policy.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return []policy.Attached{{Document: d, Name: "scp"}}
	}
	h.Directory.SetOrganization(&directory.Organization{ID: "o-1", Management: doortest.Other, Parents: map[string][]string{doortest.Account: {"r-1", doortest.Account}},
		SCP: map[string][]policy.Attached{"r-1": level(doortest.Deny("sqs:*")), doortest.Account: level(doortest.Allow("*"))}})
	for action, want := range map[string]string{"sqs:SendMessage": "explicitDeny false", "sns:Publish": "allowed true"} {
		a := root.Query("iam", "SimulatePrincipalPolicy", "PolicySourceArn", prefix+"user/ann", "ActionNames.member.1", action).Good(t)
		if got := a.XML("EvalDecision") + " " + a.XML("AllowedByOrganizations"); got != want {
			t.Errorf("%s: %s", action, a.Body)
		}
	}
}
