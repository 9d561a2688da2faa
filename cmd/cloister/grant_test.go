package main

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"cloister/internal/value/caller"
	"cloister/internal/value/fault"
	shape "cloister/internal/value/shape/cloister"
	"cloister/internal/value/shape/ec2"
	"cloister/internal/value/shape/iam"
)

// workplace is a Cloister with a subnet, a role that trusts instances, and one that does not.
type workplace struct {
	*running
	root, ann    caller.Caller
	subnet       string
	role, strict string
}

func newWorkplace(t *testing.T) *workplace {
	w := &workplace{running: newRunning(t)}
	a := w.conf.Account
	inside := caller.Origin{Place: caller.Inside}
	w.root = caller.Caller{Identity: caller.Identity{Kind: caller.Root, Account: a, ARN: "arn:aws:iam::" + a + ":root", PrincipalARN: "arn:aws:iam::" + a + ":root", ID: a}, Origin: inside}
	w.ann = caller.Caller{Identity: caller.Identity{Kind: caller.User, Account: a, ARN: "arn:aws:iam::" + a + ":user/ann", PrincipalARN: "arn:aws:iam::" + a + ":user/ann", Name: "ann"}, Origin: inside}
	for _, r := range []struct{ name, service string }{{"worker", "ec2"}, {"other", "sagemaker"}} {
		w.do(w.root, "iam", "CreateRole", &iam.CreateRoleRequest{RoleName: &r.name, AssumeRolePolicyDocument: new(
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"` + r.service + `.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)})
	}
	w.role, w.strict = "arn:aws:iam::"+a+":role/worker", "arn:aws:iam::"+a+":role/other"
	w.do(w.root, "iam", "CreateUser", &iam.CreateUserRequest{UserName: new("ann")})
	vpc := w.do(w.root, "ec2", "CreateVpc", &ec2.CreateVpcRequest{CidrBlock: new("10.9.0.0/16")}).(*ec2.CreateVpcResult).Vpc
	w.subnet = *w.do(w.root, "ec2", "CreateSubnet", &ec2.CreateSubnetRequest{VpcId: vpc.VpcId, CidrBlock: new("10.9.0.0/24")}).(*ec2.CreateSubnetResult).Subnet.SubnetId
	return w
}

func (w *workplace) do(as caller.Caller, service, name string, in any) any {
	w.t.Helper()
	out, err := w.house.door.Call(w.t.Context(), as, service, name, in)
	if err != nil {
		w.t.Fatalf("%s: %v", name, err)
	}
	return out
}

func (w *workplace) eni() string {
	return *w.do(w.root, "ec2", "CreateNetworkInterface", &ec2.CreateNetworkInterfaceRequest{SubnetId: &w.subnet}).(*ec2.CreateNetworkInterfaceResult).NetworkInterface.NetworkInterfaceId
}

// may gives who ann is policies.
func (w *workplace) may(statements string) {
	w.do(w.root, "iam", "PutUserPolicy", &iam.PutUserPolicyRequest{UserName: new("ann"), PolicyName: new("p"), PolicyDocument: new(`{"Version":"2012-10-17","Statement":[` + statements + `]}`)})
}

func (w *workplace) grant(as caller.Caller, eni, role string) string {
	_, err := w.house.door.Call(w.t.Context(), as, "cloister", "GrantRole", &shape.GrantRoleInput{NetworkInterfaceId: &eni, RoleArn: &role})
	if err == nil {
		return ""
	}
	f, ok := fault.As(err)
	if !ok {
		w.t.Fatal(err)
	}
	return f.Code + ": " + f.Message
}

// credentials asks as an instance's program does; empty where nobody answers.
func (w *workplace) credentials(eni string) (role string, answer map[string]string) {
	w.t.Helper()
	c := &http.Client{Timeout: 500 * time.Millisecond, Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, at string) (net.Conn, error) {
		return w.fabric.Dial(ctx, eni, netip.MustParseAddrPort(at))
	}}}
	ask := func(method, path string, header ...string) string {
		r, err := http.NewRequestWithContext(w.t.Context(), method, "http://169.254.169.254"+path, nil)
		if err != nil {
			w.t.Fatal(err)
		}
		r.Header.Set(header[0], header[1])
		a, err := c.Do(r)
		if err != nil {
			return ""
		}
		defer a.Body.Close()
		b, err := io.ReadAll(a.Body)
		if err != nil || a.StatusCode != 200 {
			return ""
		}
		return string(b)
	}
	token := ask("PUT", "/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", "60")
	if token == "" {
		return "", nil
	}
	const roles = "/latest/meta-data/iam/security-credentials/"
	if role = ask("GET", roles, "X-aws-ec2-metadata-token", token); role == "" {
		return "", nil
	}
	if err := json.Unmarshal([]byte(ask("GET", roles+role, "X-aws-ec2-metadata-token", token)), &answer); err != nil {
		w.t.Error(err)
	}
	return role, answer
}

func TestARoleIsGrantedToAnInterface(t *testing.T) {
	w := newWorkplace(t)
	mine, beside := w.eni(), w.eni()
	if role, _ := w.credentials(mine); role != "" {
		t.Errorf("before the grant: %s", role)
	}
	for range 2 {
		if got := w.grant(w.root, mine, w.role); got != "" {
			t.Fatal(got)
		}
	}
	role, c := w.credentials(mine)
	if role != "worker" || c["Code"] != "Success" || !strings.HasPrefix(c["AccessKeyId"], "ASIA") {
		t.Errorf("%s %v", role, c)
	}
	if id, err := w.identify(c["AccessKeyId"], c["Token"]); err != nil || id.PrincipalARN != w.role {
		t.Errorf("%+v %v", id, err)
	}
	if role, _ := w.credentials(beside); role != "" {
		t.Errorf("the interface beside is told of %s", role)
	}
	w.restart()
	if role, c = w.credentials(mine); role != "worker" || c["Code"] != "Success" {
		t.Errorf("after a restart: %s %v", role, c)
	}
	w.do(w.root, "ec2", "DeleteNetworkInterface", &ec2.DeleteNetworkInterfaceRequest{NetworkInterfaceId: &mine})
	if got := w.grant(w.root, beside, w.role); got != "" {
		t.Fatal(got)
	}
	if _, ok, err := w.house.cloister.Held(t.Context(), mine); ok || err != nil {
		t.Errorf("the grant of an interface that is gone: %v %v", ok, err)
	}
	w.do(w.root, "iam", "DeleteRole", &iam.DeleteRoleRequest{RoleName: new("worker")})
	if role, c = w.credentials(beside); c["Code"] != "Success" && c["Code"] != "AssumeRoleUnauthorizedAccess" {
		t.Errorf("after the role is gone: %s %v", role, c)
	}
}

func TestWhoMayGrantARole(t *testing.T) {
	w := newWorkplace(t)
	eni, used := w.eni(), w.eni()
	if err := w.house.regions[0].ec2.Manage(t.Context(), w.conf.Account, used); err != nil {
		t.Fatal(err)
	}
	const grant = `{"Effect":"Allow","Action":"cloister:GrantRole","Resource":"*"}`
	pass := func(condition string) string {
		return `,{"Effect":"Allow","Action":"iam:PassRole","Resource":"` + w.role + `","Condition":` + condition + `}`
	}
	good := pass(`{"StringEquals":{"iam:PassedToService":"ec2.amazonaws.com"},"ArnLike":{"iam:AssociatedResourceArn":"arn:aws:ec2:*:*:network-interface/*"}}`)
	for _, c := range []struct{ name, policy, eni, role, want string }{
		{"not at all", `{"Effect":"Allow","Action":"iam:PassRole","Resource":"*"}`, eni, w.role, "AccessDeniedException: User: " + w.ann.Identity.ARN + " is not authorized to perform: cloister:GrantRole"},
		{"not pass", grant, eni, w.role, "AccessDeniedException: User: " + w.ann.Identity.ARN + " is not authorized to perform: iam:PassRole on resource: " + w.role},
		{"pass to SageMaker only", grant + pass(`{"StringEquals":{"iam:PassedToService":"sagemaker.amazonaws.com"}}`), eni, w.role, "AccessDeniedException: User: " + w.ann.Identity.ARN + " is not authorized to perform: iam:PassRole"},
		{"another role", grant + good, eni, w.strict, "AccessDeniedException: User: "},
		{"a role that does not trust", `{"Effect":"Allow","Action":"*","Resource":"*"}`, eni, w.strict, "InvalidRole: Could not assume role " + w.strict + ". Please ensure that the role exists and allows principal 'ec2.amazonaws.com' to assume the role."},
		{"a role of another account", grant + good, eni, "arn:aws:iam::999999999999:role/worker", "InvalidRole: RoleArn: Cross-account pass role is not allowed."},
		{"a malformed role", grant + good, eni, "worker", "ValidationException: "},
		{"no interface", grant + good, "eni-00000000000000000", w.role, "InvalidNetworkInterfaceID.NotFound: The networkInterface ID 'eni-00000000000000000' does not exist"},
		{"an interface in use", grant + good, used, w.role, "InvalidNetworkInterface.InUse: Network interface '" + used + "' is currently in use."},
		{"all of it", grant + good, eni, w.role, ""},
	} {
		w.may(c.policy)
		if got := w.grant(w.ann, c.eni, c.role); !strings.HasPrefix(got, c.want) || (got == "") != (c.want == "") {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	if role, _ := w.credentials(used); role != "" {
		t.Errorf("an interface in use is told of %s", role)
	}
}
