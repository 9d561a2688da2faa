package ec2

import (
	"strings"
	"testing"

	"cloister/internal/engine/policy"
	"cloister/internal/frame/directory"
	"cloister/internal/value/caller"
	shape "cloister/internal/value/shape/ec2"
)

// through decides a call of somebody in the account through an endpoint.
func (h *house) through(id string, who caller.Identity) policy.Effect {
	stack, _ := h.Directory.Stack(&caller.Caller{Identity: who, Origin: caller.Origin{Place: caller.Endpoint, EndpointID: id}}, &directory.Question{Action: "logs:DescribeLogGroups", Resource: "*"})
	everything, err := policy.Parse(`{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)
	if err != nil {
		h.Fatal(err)
	}
	stack.Identity = []policy.Attached{{Document: everything}}
	return policy.Decide(&stack, &policy.Request{Principal: policy.PrincipalOf(who), Action: "logs:DescribeLogGroups", Resource: "*"}).Effect
}

// A user whom an endpoint's policy names is known by the id: a namesake made later is not meant, also after a restart.
func TestWhomAnEndpointsPolicyNames(t *testing.T) {
	h := newHouse(t)
	v := h.vpc("10.0.0.0/16")
	h.dns(v)
	const ann = "arn:aws:iam::" + account + ":user/ann"
	text := `{"Statement":[{"Effect":"Allow","Principal":{"AWS":["` + ann + `","arn:aws:iam::` + account + `:root"]},"Action":"*","Resource":"*"}]}`
	id := *h.interfaceEndpoint(v, "logs", []string{h.subnet(v, "10.0.0.0/24", "a")}, nil).VpcEndpointId
	modify := &shape.ModifyVpcEndpointRequest{VpcEndpointId: &id, PolicyDocument: &text}
	const nobody = `The Policy Document is not valid. Invalid principal in policy: "AWS":"` + ann + `"`
	refused[shape.ModifyVpcEndpointResult](h, "ModifyVpcEndpoint", modify, "InvalidPolicyDocument", nobody)
	refused[shape.CreateVpcEndpointResult](h, "CreateVpcEndpoint", &shape.CreateVpcEndpointRequest{VpcId: &v, ServiceName: new("com.amazonaws." + region + ".s3"), PolicyDocument: &text}, "InvalidPolicyDocument", nobody)

	user := func(unique, arn string) caller.Identity {
		h.Directory.SetPrincipal(&directory.Principal{Kind: caller.User, Account: account, ARN: arn, ID: unique, Name: "ann"})
		return caller.Identity{Kind: caller.User, Account: "999999999999", ARN: arn, PrincipalARN: arn, ID: unique}
	}
	old := user("AIDAEXAMPLEEXAMPLE01", ann)
	must[shape.ModifyVpcEndpointResult](h, "ModifyVpcEndpoint", modify)
	made := *must[shape.CreateVpcEndpointResult](h, "CreateVpcEndpoint", &shape.CreateVpcEndpointRequest{VpcId: &v, ServiceName: new("com.amazonaws." + region + ".s3"), PolicyDocument: &text}).VpcEndpoint.VpcEndpointId
	if h.through(id, old) != policy.Allowed || h.through(made, old) != policy.Allowed || *h.endpoint(id).PolicyDocument != text {
		t.Errorf("whom it names is not let through, or it shows %s", *h.endpoint(id).PolicyDocument)
	}
	// An account is everybody in it, but for gateway endpoints, where it is the root.
	root, bob := caller.Identity{Kind: caller.Root, Account: account, ARN: "arn:aws:iam::" + account + ":root", ID: account}, caller.Identity{Kind: caller.User, Account: account, ARN: "arn:bob", ID: "AIDABOB"}
	if h.through(id, root) != policy.Allowed || h.through(made, root) != policy.Allowed || h.through(id, bob) != policy.Allowed || h.through(made, bob) == policy.Allowed {
		t.Error("an account means somebody else")
	}

	h.Directory.RemovePrincipal(ann)
	moved := "arn:aws:iam::" + account + ":user/staff/ann"
	user("AIDAEXAMPLEEXAMPLE01", moved)
	if got := *h.endpoint(id).PolicyDocument; got != strings.Replace(text, ann, moved, 1) {
		t.Errorf("of a user who moved it shows %s", got)
	}
	h.Directory.RemovePrincipal(moved)
	namesake := user("AIDAEXAMPLEEXAMPLE02", ann)
	if h.through(id, namesake) == policy.Allowed || h.through(made, namesake) == policy.Allowed {
		t.Error("a namesake is let through")
	}
	if got := *h.endpoint(id).PolicyDocument; got != strings.Replace(text, ann, "AIDAEXAMPLEEXAMPLE01", 1) {
		t.Errorf("of a user who is gone it shows %s", got)
	}
	h.stop()
	h = start(t, h.path, h.Quotas)
	namesake = user("AIDAEXAMPLEEXAMPLE02", ann)
	if h.through(id, namesake) == policy.Allowed || h.through(id, old) != policy.Allowed {
		t.Error("after a restart it means somebody else")
	}
	must[shape.ModifyVpcEndpointResult](h, "ModifyVpcEndpoint", &shape.ModifyVpcEndpointRequest{VpcEndpointId: &id, ResetPolicy: new(true)})
	if h.through(id, namesake) != policy.Allowed {
		t.Error("after the reset it is not open")
	}
}
