package sts_test

import (
	"strings"
	"testing"
	"time"

	"cloister/internal/door/doortest"
)

const unknown = "The security token included in the request is invalid."

func TestASessionOfAUserIsTheUserWithoutIAM(t *testing.T) {
	h := doortest.Open(t)
	root := h.As(t, h.Root)
	worker := h.Role(t, "worker", "")
	ann := h.As(t, h.User(t, "ann", doortest.Deny("sts:GetSessionToken"))) // which no policy can refuse
	a := ann.Query("sts", "GetSessionToken", "DurationSeconds", "900").Good(t)
	session := h.As(t, keys(t, a))
	if got := session.Query("sts", "GetCallerIdentity").Good(t); got.XML("Arn") != annARN {
		t.Errorf("%s", got.Body)
	}
	session.Call("logs", "DescribeLogGroups", `{}`).Good(t)
	session.Assume(worker, "one")
	session.Query("iam", "ListUsers").Fault(t, 403, "InvalidClientTokenId", unknown)
	for _, c := range [][]string{{"GetSessionToken"}, {"GetFederationToken", "Name", "bob"}, {"GetAccessKeyInfo", "AccessKeyId", ann.Credentials.AccessKey}, {"DecodeAuthorizationMessage", "EncodedMessage", "x"}} {
		session.Query("sts", c[0], c[1:]...).Fault(t, 403, "AccessDenied", "Cannot call "+c[0]+" with session credentials")
	}
	ann.Query("sts", "GetSessionToken", "SerialNumber", "arn:aws:iam::111122223333:mfa/ann", "TokenCode", "123456").
		Fault(t, 403, "AccessDenied", "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user.")
	if a := ann.Query("sts", "GetSessionToken", "DurationSeconds", "899"); a.Status != 400 || a.Code != "ValidationError" {
		t.Errorf("%s", a.Body)
	}
	if end, err := time.Parse(time.RFC3339, root.Query("sts", "GetSessionToken", "DurationSeconds", "7200").Good(t).XML("Expiration")); err != nil || end.Sub(h.Now()) > time.Hour {
		t.Errorf("the root's ends at %s, %v", end, err)
	}
	h.As(t, keys(t, root.Query("sts", "GetSessionToken"))).Query("sts", "AssumeRole", assume(worker)...).Fault(t, 403, "AccessDenied", "Roles may not be assumed by root accounts.")
	roleSession := h.As(t, ann.Assume(worker, "one"))
	roleSession.Query("sts", "GetSessionToken").Fault(t, 403, "AccessDenied", "Cannot call GetSessionToken with session credentials")

	root.Query("iam", "DeleteAccessKey", "UserName", "ann", "AccessKeyId", ann.Credentials.AccessKey).Good(t)
	session.Query("sts", "GetCallerIdentity").Good(t)
	root.Query("iam", "DeleteUserPolicy", "UserName", "ann", "PolicyName", "inline").Good(t)
	root.Query("iam", "DeleteUser", "UserName", "ann").Good(t)
	session.Query("sts", "GetCallerIdentity").Fault(t, 403, "InvalidClientTokenId", "The security token included in the request is invalid")
}

func TestAFederatedUserMayWhatBothAllow(t *testing.T) {
	h := doortest.Open(t)
	ann := h.As(t, h.User(t, "ann", doortest.Allow("logs:*", "sts:GetFederationToken", "sts:TagSession")))
	bob := h.As(t, h.User(t, "bob", doortest.Allow("sts:GetFederationToken")))
	bob.Query("sts", "GetFederationToken", "Name", "carl", "Tags.member.1.Key", "team", "Tags.member.1.Value", "red").Fault(t, 403, "AccessDenied",
		"User: arn:aws:iam::111122223333:user/bob is not authorized to perform: sts:TagSession on resource: arn:aws:sts::111122223333:federated-user/carl because no identity-based policy allows the sts:TagSession action")
	h.As(t, h.User(t, "eve", "")).Query("sts", "GetFederationToken", "Name", "carl").Fault(t, 403, "AccessDenied",
		"User: arn:aws:iam::111122223333:user/eve is not authorized to perform: sts:GetFederationToken on resource: arn:aws:sts::111122223333:federated-user/carl because no identity-based policy allows the sts:GetFederationToken action")

	a := ann.Query("sts", "GetFederationToken", "Name", "carl").Good(t)
	if a.XML("FederatedUserId") != "111122223333:carl" || a.XML("Arn") != "arn:aws:sts::111122223333:federated-user/carl" || a.XML("PackedPolicySize") != "0" {
		t.Errorf("%s", a.Body)
	}
	bare := h.As(t, keys(t, a))
	if got := bare.Query("sts", "GetCallerIdentity").Good(t); got.XML("Arn") != "arn:aws:sts::111122223333:federated-user/carl" || got.XML("UserId") != "111122223333:carl" {
		t.Errorf("%s", got.Body)
	}
	denied := func(c *doortest.Client, operation, body string) {
		t.Helper()
		if a := c.Call("logs", operation, body); a.Code != "AccessDeniedException" || !strings.HasPrefix(a.Text, "User: arn:aws:sts::111122223333:federated-user/carl is not authorized to perform: logs:"+operation) {
			t.Errorf("%d %s", a.Status, a.Body)
		}
	}
	denied(bare, "DescribeLogGroups", `{}`)
	tagged := h.As(t, keys(t, ann.Query("sts", "GetFederationToken", "Name", "carl", "Tags.member.1.Key", "team", "Tags.member.1.Value", "red",
		"Policy", doortest.AllowIf(`{"StringEquals":{"aws:PrincipalTag/team":"red"}}`, "logs:DescribeLogGroups", "sts:*", "ec2:*")).Good(t)))
	tagged.Call("logs", "DescribeLogGroups", `{}`).Good(t)
	denied(tagged, "CreateLogGroup", `{"logGroupName":"x"}`)
	tagged.Query("iam", "ListUsers").Fault(t, 403, "InvalidClientTokenId", unknown)
	worker := h.Role(t, "worker", "")
	tagged.Query("sts", "AssumeRole", assume(worker)...).Fault(t, 403, "AccessDenied", "Cannot call AssumeRole with session credentials")
	tagged.Query("sts", "GetFederationToken", "Name", "deeper").Fault(t, 403, "AccessDenied", "Cannot call GetFederationToken with session credentials")
	byRoot := h.As(t, keys(t, h.As(t, h.Root).Query("sts", "GetFederationToken", "Name", "carl", "Policy", doortest.Allow("logs:DescribeLogGroups"))))
	byRoot.Call("logs", "DescribeLogGroups", `{}`).Good(t)
	denied(byRoot, "CreateLogGroup", `{"logGroupName":"x"}`)
	denied(h.As(t, keys(t, h.As(t, h.Root).Query("sts", "GetFederationToken", "Name", "carl"))), "DescribeLogGroups", `{}`)
}

func TestAKeyTellsItsAccount(t *testing.T) {
	h := doortest.Open(t)
	ann := h.As(t, h.User(t, "ann", doortest.Allow("sts:*")))
	short := h.As(t, h.User(t, "eve", ""))
	for _, id := range []string{ann.Credentials.AccessKey, h.Root.AccessKey, ann.Query("sts", "GetSessionToken").Good(t).XML("AccessKeyId")} {
		if a := ann.Query("sts", "GetAccessKeyInfo", "AccessKeyId", id).Good(t); a.XML("Account") != doortest.Account {
			t.Errorf("%s: %s", id, a.Body)
		}
	}
	for _, id := range []string{"AKIAAAAAAAAAAAAAAAAA", "ASIAAAAAAAAAAAAAAAAA", "ASIA0000000000000000", "ASIAAAAAAAAAAAAAAAAAAAAA"} {
		ann.Query("sts", "GetAccessKeyInfo", "AccessKeyId", id).Fault(t, 400, "ValidationError", "Invalid value for parameter: AccessKeyId, "+id+" is no access key of an account.")
	}
	if a := short.Query("sts", "GetAccessKeyInfo", "AccessKeyId", ann.Credentials.AccessKey); a.Code != "AccessDenied" {
		t.Errorf("%s", a.Body)
	}
}

func TestOnlyItsAccountReadsAMessage(t *testing.T) {
	h := doortest.Open(t)
	ann := h.As(t, h.User(t, "ann", doortest.Allow("sts:DecodeAuthorizationMessage")))
	sealed := h.Directory.SealMessage(doortest.Account, []byte(`{"allowed":false}`))
	if a := ann.Query("sts", "DecodeAuthorizationMessage", "EncodedMessage", sealed).Good(t); a.XML("DecodedMessage") != `{"allowed":false}` {
		t.Errorf("%s", a.Body)
	}
	for _, m := range []string{h.Directory.SealMessage(doortest.Other, []byte(`{}`)), sealed[1:], "x"} {
		ann.Query("sts", "DecodeAuthorizationMessage", "EncodedMessage", m).
			Fault(t, 400, "InvalidAuthorizationMessageException", "The message is not an authorization message of this account.")
	}
	if a := h.As(t, h.User(t, "eve", "")).Query("sts", "DecodeAuthorizationMessage", "EncodedMessage", sealed); a.Code != "AccessDenied" {
		t.Errorf("%s", a.Body)
	}
}
