package policy

import (
	"encoding/json"
	"fmt"
	"testing"
)

// set is a context in tests: a string is a single value, a []string a set.
type set map[string]any

func (s set) context() *Context {
	c := &Context{}
	for k, v := range s {
		if text, ok := v.(string); ok {
			c.SetNamed(k, text)
		} else {
			c.SetNamedMany(k, v.([]string))
		}
	}
	return c
}

type many = []string

// allowsWith asks whether an Allow of everything under one condition allows.
func allowsWith(t *testing.T, version, condition string, c *Context) bool {
	t.Helper()
	d := mustParse(t, fmt.Sprintf(`{"Version":%q,"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":%s}}`, version, condition))
	return Decide(&Stack{Identity: []Attached{{Document: d}}}, &Request{
		Principal: genPrincipals[2], Action: "s3:GetObject", Resource: "*", Context: c,
	}).Effect == Allowed
}

func TestConditions(t *testing.T) {
	// The source of each block is a section of the facts on IAM, or a page of AWS's reference
	// "IAM JSON policy elements: Condition operators" and "Creating a condition with multiple keys".
	const iam, operatorsPage, multi, open = "facts 2", "condition operators", "multivalued keys", "facts 11, open"
	cases := []struct {
		op, key, wanted string
		ctx             set
		want            bool
		source          string
	}{
		{"StringEquals", "aws:SourceVpce", `"vpce-1"`, set{"aws:SourceVpce": "vpce-1"}, true, operatorsPage},
		{"StringEquals", "AWS:SOURCEVPCE", `"vpce-1"`, set{"aws:sourcevpce": "vpce-1"}, true, iam},
		{"StringEquals", "aws:PrincipalTag/Team", `"a"`, set{"aws:principaltag/TEAM": "a"}, true, iam},
		{"StringEquals", "aws:SourceVpce", `"VPCE-1"`, set{"aws:SourceVpce": "vpce-1"}, false, operatorsPage},
		{"StringEquals", "aws:SourceVpce", `"vpce-*"`, set{"aws:SourceVpce": "vpce-1"}, false, iam},
		{"StringEquals", "aws:SourceVpce", `"vpce-*"`, set{"aws:SourceVpce": "vpce-*"}, true, iam},
		{"StringEquals", "aws:SourceVpce", `["a","b"]`, set{"aws:SourceVpce": "b"}, true, iam},
		{"StringEquals", "aws:SourceVpce", `[]`, set{"aws:SourceVpce": "b"}, false, iam},
		{"StringEquals", "aws:SourceVpce", `"a"`, set{}, false, iam},
		{"stringequals", "aws:SourceVpce", `"a"`, set{"aws:SourceVpce": "a"}, true, iam},
		{"StringNotEquals", "aws:SourceVpce", `["a","b"]`, set{"aws:SourceVpce": "b"}, false, iam},
		{"StringNotEquals", "aws:SourceVpce", `["a","b"]`, set{"aws:SourceVpce": "c"}, true, iam},
		{"StringNotEquals", "aws:SourceVpce", `"a"`, set{}, true, iam},
		{"StringNotEqualsIfExists", "aws:SourceVpce", `"a"`, set{}, true, iam},
		{"StringEqualsIfExists", "aws:SourceVpce", `"a"`, set{}, true, iam},
		{"StringEqualsIfExists", "aws:SourceVpce", `"a"`, set{"aws:SourceVpce": "b"}, false, iam},
		{"StringEqualsIgnoreCase", "aws:username", `"ANN"`, set{"aws:username": "ann"}, true, operatorsPage},
		{"StringEqualsIgnoreCase", "aws:username", `"${aws:userid}"`, set{"aws:username": "ann", "aws:userid": "ANN"}, true, iam},
		{"StringEqualsIgnoreCase", "aws:username", `"x${aws:userid}"`, set{"aws:username": "ann"}, false, iam},
		{"StringNotEqualsIgnoreCase", "aws:username", `"ANN"`, set{"aws:username": "ann"}, false, operatorsPage},
		{"StringLike", "aws:username", `"a*n?"`, set{"aws:username": "axxn1"}, true, operatorsPage},
		{"StringLike", "aws:username", `"A*"`, set{"aws:username": "ann"}, false, iam},
		{"StringLike", "aws:username", `"a${*}"`, set{"aws:username": "a*"}, true, iam},
		{"StringLike", "aws:username", `"a${*}"`, set{"aws:username": "abc"}, false, iam},
		{"StringLike", "aws:username", `"${$}{aws:userid}${?}"`, set{"aws:username": "${aws:userid}?"}, true, iam},
		{"StringLike", "aws:username", `"${aws:userid}"`, set{"aws:username": "abc", "aws:userid": "a*"}, false, "facts 1.5"},
		{"StringNotLike", "aws:username", `"a*"`, set{"aws:username": "ann"}, false, operatorsPage},
		{"StringNotEquals", "aws:username", `"${aws:userid}"`, set{"aws:username": "ann"}, true, open},
		{"StringEquals", "aws:username", `"${aws:userid, 'ann'}"`, set{"aws:username": "ann"}, true, "facts 1.5"},
		{"StringEquals", "aws:username", `"${aws:TagKeys}"`, set{"aws:username": "ann", "aws:TagKeys": many{"ann"}}, false, "facts 1.5"},

		{"NumericEquals", "s3:max-keys", `10`, set{"s3:max-keys": "10.0"}, true, iam},
		{"NumericEquals", "s3:max-keys", `"010"`, set{"s3:max-keys": "10"}, true, iam},
		{"NumericEquals", "s3:max-keys", `"9007199254740993"`, set{"s3:max-keys": "9007199254740992"}, false, "exact at any length"},
		{"NumericNotEquals", "s3:max-keys", `"10"`, set{"s3:max-keys": "11"}, true, operatorsPage},
		{"NumericNotEquals", "s3:max-keys", `"10"`, set{"s3:max-keys": "many"}, false, open},
		{"NumericNotEquals", "s3:max-keys", `["ten","11"]`, set{"s3:max-keys": "12"}, false, open},
		{"NumericEquals", "s3:max-keys", `["ten","11"]`, set{"s3:max-keys": "11"}, true, open},
		{"NumericLessThan", "s3:max-keys", `"10"`, set{"s3:max-keys": "9.99"}, true, operatorsPage},
		{"NumericLessThan", "s3:max-keys", `"-2"`, set{"s3:max-keys": "-3"}, true, operatorsPage},
		{"NumericLessThan", "s3:max-keys", `"-3"`, set{"s3:max-keys": "-2"}, false, operatorsPage},
		{"NumericLessThan", "s3:max-keys", `"2"`, set{"s3:max-keys": "-3"}, true, operatorsPage},
		{"NumericLessThan", "s3:max-keys", `"-2"`, set{"s3:max-keys": "3"}, false, operatorsPage},
		{"NumericLessThan", "s3:max-keys", `"10"`, set{"s3:max-keys": "10"}, false, operatorsPage},
		{"NumericLessThanEquals", "s3:max-keys", `"10"`, set{"s3:max-keys": "10"}, true, operatorsPage},
		{"NumericGreaterThan", "s3:max-keys", `"10"`, set{"s3:max-keys": "10"}, false, operatorsPage},
		{"NumericGreaterThan", "s3:max-keys", `"9"`, set{"s3:max-keys": "10"}, true, operatorsPage},
		{"NumericGreaterThanEquals", "s3:max-keys", `"-0"`, set{"s3:max-keys": "0"}, true, operatorsPage},
		{"NumericEquals", "s3:max-keys", `"${aws:username}"`, set{"s3:max-keys": "1", "aws:username": "1"}, false, "facts 1.5"},

		{"DateLessThan", "aws:CurrentTime", `"2020-01-02"`, set{"aws:CurrentTime": "2020-01-01T23:59:59Z"}, true, operatorsPage},
		{"DateLessThan", "aws:CurrentTime", `"1577923200"`, set{"aws:CurrentTime": "2020-01-01T23:59:59.999Z"}, true, iam},
		{"DateLessThan", "aws:CurrentTime", `"1577923199"`, set{"aws:CurrentTime": "2020-01-01T23:59:59.5Z"}, false, iam},
		{"DateEquals", "aws:EpochTime", `"2020-01-02T00:00:00Z"`, set{"aws:EpochTime": "1577923200"}, true, iam},
		{"DateEquals", "aws:EpochTime", `"2020-01-02T02:00:00+02:00"`, set{"aws:EpochTime": "1577923200000"}, true, open},
		{"DateEquals", "aws:CurrentTime", `"2020-01-01T22:30-01:30"`, set{"aws:CurrentTime": "2020-01-02"}, true, operatorsPage},
		{"DateEquals", "aws:CurrentTime", `"2020"`, set{"aws:CurrentTime": "2020-01-01T00:00:00Z"}, true, operatorsPage},
		{"DateNotEquals", "aws:CurrentTime", `"2020-01"`, set{"aws:CurrentTime": "2020-01-01"}, false, operatorsPage},
		{"DateNotEquals", "aws:CurrentTime", `"2020-01"`, set{"aws:CurrentTime": "yesterday"}, false, open},
		{"DateGreaterThan", "aws:TokenIssueTime", `"2020-02-29"`, set{"aws:TokenIssueTime": "2020-03-01"}, true, operatorsPage},
		{"DateGreaterThanEquals", "aws:TokenIssueTime", `"2020-02-29"`, set{"aws:TokenIssueTime": "2020-02-29"}, true, operatorsPage},
		{"DateLessThanEquals", "aws:TokenIssueTime", `"2020-02-29"`, set{"aws:TokenIssueTime": "2020-03-01"}, false, operatorsPage},
		{"DateGreaterThan", "aws:TokenIssueTime", `"2020"`, set{}, false, iam},

		{"Bool", "aws:SecureTransport", `true`, set{"aws:SecureTransport": "true"}, true, operatorsPage},
		{"Bool", "aws:SecureTransport", `"TRUE"`, set{"aws:SecureTransport": "True"}, true, iam},
		{"Bool", "aws:SecureTransport", `"false"`, set{"aws:SecureTransport": "true"}, false, operatorsPage},
		{"Bool", "aws:SecureTransport", `"false"`, set{"aws:SecureTransport": "no"}, false, iam},
		{"Bool", "aws:SecureTransport", `"yes"`, set{"aws:SecureTransport": "yes"}, false, iam},
		{"Bool", "aws:SecureTransport", `"${aws:PrincipalTag/tls}"`, set{"aws:SecureTransport": "true", "aws:PrincipalTag/tls": "true"}, true, "facts 1.5"},
		{"Bool", "aws:SecureTransport", `"${aws:PrincipalTag/tls}"`, set{"aws:SecureTransport": "true"}, false, "facts 1.5"},
		{"BoolIfExists", "aws:MultiFactorAuthPresent", `"true"`, set{}, true, "facts 2.1"},
		{"Bool", "aws:MultiFactorAuthPresent", `"false"`, set{}, false, "facts 2.1"},

		{"BinaryEquals", "x:key", `"QmluYXJ5"`, set{"x:key": "Binary"}, true, operatorsPage},
		{"BinaryEquals", "x:key", `"QmluYXJ5"`, set{"x:key": "QmluYXJ5"}, true, iam},
		{"BinaryEquals", "x:key", `"QmluYXJ5"`, set{"x:key": "other"}, false, operatorsPage},
		{"BinaryEquals", "x:key", `"!"`, set{"x:key": ""}, false, iam},

		{"IpAddress", "aws:SourceIp", `"203.0.113.0/24"`, set{"aws:SourceIp": "203.0.113.9"}, true, operatorsPage},
		{"IpAddress", "aws:SourceIp", `"203.0.113.7/24"`, set{"aws:SourceIp": "203.0.113.9"}, true, operatorsPage},
		{"IpAddress", "aws:SourceIp", `"203.0.113.9"`, set{"aws:SourceIp": "203.0.113.9"}, true, operatorsPage},
		{"IpAddress", "aws:SourceIp", `"203.0.113.8"`, set{"aws:SourceIp": "203.0.113.9"}, false, operatorsPage},
		{"IpAddress", "aws:SourceIp", `"0.0.0.0/0"`, set{"aws:SourceIp": "203.0.113.9"}, true, iam},
		{"IpAddress", "aws:SourceIp", `"0.0.0.0/0"`, set{"aws:SourceIp": "2001:db8::1"}, false, iam},
		{"IpAddress", "aws:SourceIp", `"::/0"`, set{"aws:SourceIp": "2001:db8::1"}, true, iam},
		{"IpAddress", "aws:SourceIp", `"::/0"`, set{"aws:SourceIp": "203.0.113.9"}, false, iam},
		{"IpAddress", "aws:SourceIp", `"2001:DB8::/32"`, set{"aws:SourceIp": "2001:db8:0:0::1"}, true, operatorsPage},
		{"IpAddress", "aws:SourceIp", `"203.0.113.0/24"`, set{"aws:SourceIp": "::ffff:203.0.113.9"}, true, "one address, two spellings"},
		{"IpAddress", "aws:SourceIp", `"::ffff:203.0.113.0/120"`, set{"aws:SourceIp": "203.0.113.9"}, true, "one address, two spellings"},
		{"IpAddress", "aws:SourceIp", `"203.0.113.0/33"`, set{"aws:SourceIp": "203.0.113.0"}, false, iam},
		{"IpAddress", "aws:SourceIp", `"fe80::1"`, set{"aws:SourceIp": "fe80::1%eth0"}, false, iam},
		{"NotIpAddress", "aws:SourceIp", `"203.0.113.0/24"`, set{}, true, "privatelink 6.2"},
		{"NotIpAddress", "aws:SourceIp", `["203.0.113.0/24","198.51.100.0/24"]`, set{"aws:SourceIp": "198.51.100.1"}, false, operatorsPage},
		{"NotIpAddress", "aws:SourceIp", `"203.0.113.0/24"`, set{"aws:SourceIp": "2001:db8::1"}, true, open},
		{"NotIpAddress", "aws:SourceIp", `"203.0.113.0/24"`, set{"aws:SourceIp": "here"}, false, open},

		{"ArnEquals", "aws:SourceArn", `"arn:aws:s3:::bucket"`, set{"aws:SourceArn": "arn:aws:s3:::bucket"}, true, operatorsPage},
		{"ArnLike", "aws:SourceArn", `"arn:aws:sns:*:111122223333:*"`, set{"aws:SourceArn": "arn:aws:sns:eu-west-1:111122223333:topic:x"}, true, operatorsPage},
		{"ArnEquals", "aws:SourceArn", `"arn:aws:sns:*:111122223333:t?pic"`, set{"aws:SourceArn": "arn:aws:sns:eu-west-1:111122223333:topic"}, true, iam},
		{"ArnLike", "aws:SourceArn", `"arn:aws:sns:*:topic"`, set{"aws:SourceArn": "arn:aws:sns:eu-west-1:111122223333:topic"}, false, "a star stays in its segment"},
		{"ArnLike", "aws:SourceArn", `"arn:aws:s3:::b*"`, set{"aws:SourceArn": "arn:aws:S3:::bucket"}, false, iam},
		{"ArnLike", "aws:SourceArn", `"*"`, set{"aws:SourceArn": "arn:aws:s3:::bucket"}, true, iam},
		{"ArnLike", "aws:SourceArn", `"*"`, set{"aws:SourceArn": "bucket"}, false, iam},
		{"ArnNotLike", "aws:SourceArn", `"arn:aws:s3:::b*"`, set{"aws:SourceArn": "arn:aws:s3:::other"}, true, operatorsPage},
		{"ArnNotEquals", "aws:SourceArn", `"arn:aws:s3:::b"`, set{}, true, iam},
		{"ArnNotEquals", "aws:SourceArn", `"arn:aws:s3:::b"`, set{"aws:SourceArn": "bucket"}, false, open},
		{"ArnLike", "aws:SourceArn", `"arn:aws:ec2:*:${aws:PrincipalAccount}:instance/*"`, set{"aws:SourceArn": "arn:aws:ec2:r:1:instance/i-1", "aws:PrincipalAccount": "1"}, true, "facts 1.5"},
		{"ArnLike", "aws:SourceArn", `"${aws:PrincipalArn}"`, set{"aws:SourceArn": "arn:aws:iam::1:role/x", "aws:PrincipalArn": "arn:aws:iam::1:role/x"}, true, "facts 1.5"},
		{"ArnLike", "aws:SourceArn", `"arn:aws:iam::1:role/${aws:username}"`, set{"aws:SourceArn": "arn:aws:iam::1:role/x"}, false, "facts 1.5"},
		{"ArnLike", "aws:SourceArn", `"arn:aws:iam::1:role/${aws:username}"`, set{"aws:SourceArn": "arn:aws:iam::1:role/xy", "aws:username": "x*"}, false, "facts 1.5"},

		{"Null", "aws:TokenIssueTime", `"true"`, set{}, true, operatorsPage},
		{"Null", "aws:TokenIssueTime", `true`, set{"aws:TokenIssueTime": "2020"}, false, operatorsPage},
		{"Null", "aws:TokenIssueTime", `"false"`, set{"aws:TokenIssueTime": "2020"}, true, operatorsPage},
		{"Null", "aws:TokenIssueTime", `"false"`, set{}, false, operatorsPage},
		{"Null", "aws:TokenIssueTime", `["true","false"]`, set{}, true, "values are alternatives"},
		{"Null", "aws:TokenIssueTime", `"perhaps"`, set{}, false, iam},
		{"Null", "aws:TagKeys", `"true"`, set{"aws:TagKeys": many{}}, true, "an empty set is absent"},
		{"Null", "aws:username", `"false"`, set{"aws:username": ""}, true, iam},

		{"ForAllValues:StringEquals", "aws:TagKeys", `["a","b"]`, set{"aws:TagKeys": many{"a", "b"}}, true, multi},
		{"ForAllValues:StringEquals", "aws:TagKeys", `["a","b"]`, set{"aws:TagKeys": many{"a", "c"}}, false, multi},
		{"ForAllValues:StringEquals", "aws:TagKeys", `["a"]`, set{}, true, multi},
		{"ForAllValues:StringEquals", "aws:TagKeys", `["a"]`, set{"aws:TagKeys": many{}}, true, multi},
		{"ForAllValues:StringEquals", "aws:TagKeys", `["a"]`, set{"aws:TagKeys": many{""}}, true, multi},
		{"ForAllValues:StringNotEquals", "aws:TagKeys", `["a"]`, set{"aws:TagKeys": many{"b", "c"}}, true, multi},
		{"ForAllValues:StringNotEquals", "aws:TagKeys", `["a"]`, set{"aws:TagKeys": many{"b", "a"}}, false, multi},
		{"ForAllValues:StringNotEquals", "aws:TagKeys", `["a"]`, set{}, true, multi},
		{"ForAnyValue:StringEquals", "aws:TagKeys", `["a"]`, set{"aws:TagKeys": many{"b", "a"}}, true, multi},
		{"ForAnyValue:StringEquals", "aws:TagKeys", `["a"]`, set{"aws:TagKeys": many{"b"}}, false, multi},
		{"ForAnyValue:StringEquals", "aws:TagKeys", `["a"]`, set{}, false, multi},
		{"ForAnyValue:StringNotEquals", "aws:TagKeys", `["a"]`, set{}, false, multi},
		{"ForAnyValue:StringNotEquals", "aws:TagKeys", `["a"]`, set{"aws:TagKeys": many{"a", "b"}}, true, multi},
		{"ForAnyValue:StringNotEquals", "aws:TagKeys", `["a"]`, set{"aws:TagKeys": many{""}}, false, multi},
		{"ForAnyValue:StringEquals", "aws:sourceVpce", `["vpce-1","vpce-2"]`, set{"aws:SourceVpce": "vpce-2"}, true, "developer guide, page 109"},
		{"ForAnyValue:StringLike", "aws:TagKeys", `["x*"]`, set{"aws:TagKeys": many{"a", "xyz"}}, true, multi},
		{"ForAnyValue:StringEqualsIfExists", "aws:TagKeys", `["a"]`, set{}, true, open},
		{"ForAllValues:StringEqualsIfExists", "aws:TagKeys", `["a"]`, set{"aws:TagKeys": many{"b"}}, false, multi},
		{"ForAnyValue:Null", "aws:TagKeys", `"true"`, set{}, true, "a quantifier changes nothing for Null"},

		{"StringEquals", "aws:TagKeys", `["a"]`, set{"aws:TagKeys": many{"b", "a"}}, true, open},
		{"StringEquals", "aws:TagKeys", `["a"]`, set{"aws:TagKeys": many{"b"}}, false, open},
		{"StringNotEquals", "aws:TagKeys", `["a"]`, set{"aws:TagKeys": many{"b", "a"}}, false, open},
		{"StringNotEquals", "aws:TagKeys", `["a"]`, set{"aws:TagKeys": many{"b", "c"}}, true, open},
	}
	for _, c := range cases {
		condition := fmt.Sprintf(`{%q:{%q:%s}}`, c.op, c.key, c.wanted)
		t.Run(condition, func(t *testing.T) {
			if got := allowsWith(t, Version2012, condition, c.ctx.context()); got != c.want {
				t.Errorf("with %v: %v, want %v (%s)", c.ctx, got, c.want, c.source)
			}
		})
	}
}

// Facts 2: all operators, and all keys of an operator, must hold.
func TestConditionsAreAllNeeded(t *testing.T) {
	both := `{"StringEquals":{"aws:SourceVpc":"vpc-1","aws:username":"ann"},"Bool":{"aws:SecureTransport":"true"}}`
	full := set{"aws:SourceVpc": "vpc-1", "aws:username": "ann", "aws:SecureTransport": "true"}
	if !allowsWith(t, Version2012, both, full.context()) {
		t.Error("denied with all three")
	}
	for k := range full {
		less := set{}
		for other, v := range full {
			if other != k {
				less[other] = v
			}
		}
		if allowsWith(t, Version2012, both, less.context()) {
			t.Errorf("allowed without %s", k)
		}
	}
}

// Facts 1: before 2012-10-17 a variable is plain text, while stars are stars in every version.
func TestVariablesNeedTheLaterVersion(t *testing.T) {
	ctx := set{"aws:username": "ann", "aws:userid": "ann"}
	equal := `{"StringEquals":{"aws:username":"${aws:userid}"}}`
	if allowsWith(t, Version2008, equal, ctx.context()) || !allowsWith(t, Version2012, equal, ctx.context()) {
		t.Error("only 2012-10-17 has variables")
	}
	if !allowsWith(t, Version2008, `{"StringLike":{"aws:username":"a*"}}`, ctx.context()) {
		t.Error("2008-10-17 has wildcards")
	}
	plain := set{"aws:username": "${aws:userid}"}
	if !allowsWith(t, Version2008, equal, plain.context()) {
		t.Error("in 2008-10-17 the text itself is what is equal")
	}
}

func TestScalars(t *testing.T) {
	for _, bad := range []string{"", "+", ".", "1.", "1e3", "0x1", "NaN", "1.2.3", "١"} {
		if _, ok := parseDecimal(bad); ok {
			t.Errorf("number %q", bad)
		}
	}
	for _, bad := range []string{
		"", "x", "20201", "2020-1", "2020-13", "2020-00", "2020-02-30", "2020-01-01-01", "2020-01-", "2020T00:00Z", "2020-01-01T", "2020-01-01T24:00Z",
		"2020-01-01T00:60Z", "2020-01-01T00:00:61Z", "2020-01-01T00:00:00.Z", "2020-01-01T00:00.5Z", "2020-01-01T00:00:00.xZ", "2020-01-01T00-00", "2020-01-01T00:00+1:00",
		"2020-01-01T00:00+25:00", "2020-01-01T00:00:aaZ", "2020-01-01T0:000Z", "12345678901234", "aaaa",
	} {
		if v, ok := parseInstant(bad); bad != "20201" && ok {
			t.Errorf("date %q is %v", bad, v)
		}
	}
	if v, _ := parseInstant("1577923200123"); v != (instant{1577923200, 123e6}) {
		t.Errorf("milliseconds: %v", v)
	}
	if v, _ := parseInstant("2020-01-02T00:00:00.1234567899Z"); v != (instant{1577923200, 123456789}) {
		t.Errorf("fraction: %v", v)
	}
}

func TestConditionValuesKeepTheirSpelling(t *testing.T) {
	d := mustParse(t, `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"NumericEquals":{"s3:max-keys":[10.50, -0, 1e2, true]}}}}`)
	got, _ := json.Marshal(Explain(&Stack{Identity: []Attached{{Document: d}}}, &Request{Principal: genPrincipals[2], Action: "s3:X", Resource: "*"}).Report().Policies[0].Statements[0].Conditions[0].Wanted)
	if string(got) != `["10.50","-0","1e2","true"]` {
		t.Error(string(got))
	}
}
