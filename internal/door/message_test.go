package door_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"cloister/internal/door/doortest"
	"cloister/internal/frame/api"
	"cloister/internal/frame/directory"
	"cloister/internal/value/caller"
	shape "cloister/internal/value/shape/ec2"
)

// networks is EC2 as far as its denials go.
func networks(t testing.TB) *api.Service {
	set := api.NewSet[struct{}]("ec2")
	api.Define(set, "DescribeVpcs", func(*api.Call, *shape.DescribeVpcsRequest) []api.Check {
		return []api.Check{{Action: "ec2:DescribeVpcs", Resource: "*"}}
	}, func(struct{}, context.Context, *api.Call, *shape.DescribeVpcsRequest) (*shape.DescribeVpcsResult, error) {
		return &shape.DescribeVpcsResult{}, nil
	})
	api.Define(set, "DeleteVpc", func(c *api.Call, in *shape.DeleteVpcRequest) []api.Check {
		return []api.Check{{Action: "ec2:DeleteVpc", Resource: c.ARN("ec2", "vpc/"+*in.VpcId), Keys: []api.Key{api.K("ec2:VpcID", *in.VpcId), api.Ks("x:Many", "a", "b")}}}
	}, func(struct{}, context.Context, *api.Call, *shape.DeleteVpcRequest) (*struct{}, error) {
		return new(struct{}), nil
	})
	s, err := set.Bind(struct{}{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// decoded opens the message at the end of a denial, which must begin with these words.
func decoded(t *testing.T, h *doortest.House, a *doortest.Answer, words string) (m map[string]any) {
	t.Helper()
	const before = ". Encoded authorization failure message: "
	told, sealed, ok := strings.Cut(a.Text, before)
	if a.Status != 403 || a.Code != "UnauthorizedOperation" || !ok || told != "You are not authorized to perform this operation. "+words {
		t.Fatalf("answered %d %s: %s", a.Status, a.Code, a.Text)
	}
	if len(sealed) > directory.MostMessage {
		t.Errorf("a message of %d characters", len(sealed))
	}
	if text, err := h.Directory.OpenMessage(doortest.Other, sealed); err == nil {
		t.Errorf("another account reads %s", text)
	}
	told = h.As(t, h.Root).Query("sts", "DecodeAuthorizationMessage", "EncodedMessage", sealed).Good(t).XML("DecodedMessage")
	if err := json.Unmarshal([]byte(told), &m); err != nil {
		t.Fatalf("%v: %s", err, told)
	}
	return m
}

// at walks into nested objects and lists of items.
func at(m any, names ...string) any {
	for _, n := range names {
		switch v := m.(type) {
		case map[string]any:
			m = v[n]
		case []any:
			var i int
			if fmt.Sscan(n, &i); i >= len(v) {
				return nil
			}
			m = v[i]
		}
	}
	return m
}

func TestEC2sDenialsCarryAnEncodedMessage(t *testing.T) {
	h := doortest.Open(t, networks(t))
	vpc := "arn:aws:ec2:us-east-1:111122223333:vpc/vpc-1"
	h.Directory.SetTags(vpc, []caller.Tag{{Key: "team", Value: "red"}})
	none := h.As(t, h.User(t, "ann", ""))
	none.Query("ec2", "DescribeVpcs").Fault(t, 403, "UnauthorizedOperation", "You are not authorized to perform this operation. User: "+ann+
		" is not authorized to perform: ec2:DescribeVpcs because no identity-based policy allows the ec2:DescribeVpcs action")
	m := decoded(t, h, none.Query("ec2", "DeleteVpc", "VpcId", "vpc-1"),
		"User: "+ann+" is not authorized to perform: ec2:DeleteVpc on resource: "+vpc+" because no identity-based policy allows the ec2:DeleteVpc action")
	if m["allowed"] != false || m["explicitDeny"] != false || len(at(m, "matchedStatements", "items").([]any)) != 0 || len(at(m, "failures", "items").([]any)) != 0 ||
		at(m, "context", "principal", "arn") != ann || at(m, "context", "principal", "name") != "ann" || !strings.HasPrefix(at(m, "context", "principal", "id").(string), "AIDA") ||
		at(m, "context", "action") != "ec2:DeleteVpc" || at(m, "context", "resource") != vpc {
		t.Errorf("%v", m)
	}
	seen := map[string]string{}
	for _, row := range at(m, "context", "conditions", "items").([]any) {
		seen[at(row, "key").(string)] += fmt.Sprint(at(row, "values", "items"))
	}
	for key, want := range map[string]string{"ec2:VpcID": "[map[value:vpc-1]]", "x:Many": "[map[value:a] map[value:b]]", "aws:ResourceTag/team": "[map[value:red]]",
		"aws:SourceIp": "[map[value:127.0.0.1]]", "aws:username": "[map[value:ann]]", "aws:SourceVpc": "", "aws:CurrentTime": "+"} {
		if got := seen[key]; got != want && !(want == "+" && got != "") {
			t.Errorf("%s: %s", key, got)
		}
	}

	document := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},
		{"Sid":"Keep","Effect":"Deny","NotAction":"ec2:Describe*","Resource":"` + vpc + `","Condition":{"StringEquals":{"aws:ResourceTag/team":["red","blue"]}}},
		{"Effect":"Deny","Action":"ec2:DeleteVpc","NotResource":"` + vpc + `0"}]}`
	m = decoded(t, h, h.As(t, h.User(t, "bob", document)).Query("ec2", "DeleteVpc", "VpcId", "vpc-1"),
		"User: arn:aws:iam::111122223333:user/bob is not authorized to perform: ec2:DeleteVpc on resource: "+vpc+" with an explicit deny in an identity-based policy")
	text := fmt.Sprint(at(m, "matchedStatements", "items"))
	for _, want := range []string{"statementId:Keep", "effect:DENY", "notActions:map[items:[map[value:ec2:Describe*]]]", "value:red] map[value:blue", "notResources:map[items:[map[value:" + vpc + "0]]]"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
	if m["explicitDeny"] != true || len(at(m, "matchedStatements", "items").([]any)) != 2 {
		t.Errorf("%v", m)
	}
}

// STS takes back 10,240 characters; what the caller or the resource brings may be longer.
func TestAMessageIsNeverLongerThanSTSTakesBack(t *testing.T) {
	h := doortest.Open(t, networks(t))
	var tags []caller.Tag
	for i := range 400 {
		tags = append(tags, caller.Tag{Key: fmt.Sprint(i), Value: rand.Text() + rand.Text()})
	}
	h.Directory.SetTags("arn:aws:ec2:us-east-1:111122223333:vpc/vpc-1", tags)
	c := h.As(t, h.User(t, "ann", doortest.Deny("ec2:*")))
	for vpc, empty := range map[string]bool{"vpc-1": true, "vpc-2": false} {
		m := decoded(t, h, c.Query("ec2", "DeleteVpc", "VpcId", vpc), "User: "+ann+
			" is not authorized to perform: ec2:DeleteVpc on resource: arn:aws:ec2:us-east-1:111122223333:vpc/"+vpc+" with an explicit deny in an identity-based policy")
		if m["explicitDeny"] != true || (len(at(m, "context", "conditions", "items").([]any)) == 0) != empty {
			t.Errorf("%s: %v", vpc, m)
		}
	}
}

func TestAMessageHasNothingOfAnothersResource(t *testing.T) {
	h := doortest.Open(t, networks(t))
	vpc := "arn:aws:ec2:us-east-1:111122223333:vpc/vpc-1"
	h.Directory.SetTags(vpc, []caller.Tag{{Key: "plan", Value: "merger"}})
	h.Directory.SetResource(&directory.Resource{ARN: vpc, Account: doortest.Other})
	m := decoded(t, h, h.As(t, h.User(t, "ann", doortest.Deny("ec2:*"))).Query("ec2", "DeleteVpc", "VpcId", "vpc-1"), "User: "+ann+" is not authorized to perform: ec2:DeleteVpc on resource: "+vpc)
	if text := fmt.Sprint(m); strings.Contains(text, "merger") || strings.Contains(text, doortest.Other) || m["explicitDeny"] != false || !strings.Contains(text, "ec2:VpcID") {
		t.Error(text)
	}
}
