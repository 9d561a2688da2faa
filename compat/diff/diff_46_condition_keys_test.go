package diff

import "testing"

// TestDiff46ConditionKeys: MFA and services that call on give no keys, for there are none. The other keys are there:
// tags of callers and the time of a session.
func TestDiff46ConditionKeys(t *testing.T) {
	when := func(effect, condition string) string {
		return `{"Effect":"` + effect + `","Action":"ec2:DescribeVpcs","Resource":"*","Condition":` + condition + `}`
	}
	root.query(t, "iam", "CreateUser", "UserName", "diff-46", "Tags.member.1.Key", "team", "Tags.member.1.Value", "red").good(t)
	k := root.query(t, "iam", "CreateAccessKey", "UserName", "diff-46").good(t)
	u := &client{key: k.one(t, "AccessKeyId"), secret: k.one(t, "SecretAccessKey")}
	put := func(statements string) {
		root.query(t, "iam", "PutUserPolicy", "UserName", "diff-46", "PolicyName", "p",
			"PolicyDocument", `{"Version":"2012-10-17","Statement":[`+statements+`]}`).good(t)
	}
	put(when("Allow", `{"StringEquals":{"aws:PrincipalTag/team":"red"}}`))
	u.query(t, "ec2", "DescribeVpcs").good(t)
	put(when("Allow", `{"StringEquals":{"aws:PrincipalTag/team":"red"},"NumericLessThan":{"aws:MultiFactorAuthAge":"3600"}}`))
	u.query(t, "ec2", "DescribeVpcs").fault(t, 403, "UnauthorizedOperation", "no identity-based policy allows")
	put(when("Allow", `{"ForAnyValue:StringLike":{"aws:CalledVia":"*"}}`))
	u.query(t, "ec2", "DescribeVpcs").fault(t, 403, "UnauthorizedOperation", "no identity-based policy allows")

	arn := role(t, "diff-46", `{"AWS":"`+account+`"}`, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},`+
		when("Deny", `{"DateLessThan":{"aws:TokenIssueTime":"2100-01-01T00:00:00Z"}}`)+`]}`)
	a := user(t, "diff-46-admin", policy("Allow", "sts:*", "*")).query(t, "sts", "AssumeRole", "RoleArn", arn, "RoleSessionName", "one").good(t)
	session := &client{a.one(t, "AccessKeyId"), a.one(t, "SecretAccessKey"), a.one(t, "SessionToken")}
	session.query(t, "ec2", "DescribeVpcs").fault(t, 403, "UnauthorizedOperation", "with an explicit deny in an identity-based policy")
}
