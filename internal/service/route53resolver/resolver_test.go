package route53resolver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/caller"
	"cloister/internal/value/fault"
	"cloister/internal/value/network"
	"cloister/internal/value/shape/ec2"
	"cloister/internal/value/shape/logs"
	shape "cloister/internal/value/shape/route53resolver"
)

const account = "111122223333"

// world plays the network and the services that are called.
type world struct {
	*Service
	t  *testing.T
	mu sync.Mutex
	// interfaces by id; managed says whether they are the service's.
	interfaces map[string]*ec2.NetworkInterface
	managed    map[string]bool
	fail       string // "Operation" that fails
	stream     map[string][]string
}

func open(t *testing.T) *world {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "records"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	w := &world{t: t, interfaces: map[string]*ec2.NetworkInterface{}, managed: map[string]bool{}, stream: map[string][]string{}}
	w.Service = New(db, w, "us-east-1", slog.New(slog.DiscardHandler))
	w.Network = w
	return w
}

func (w *world) Change(ctx context.Context, f func(*store.Tx) error) error {
	return w.DB.Update(ctx, f)
}

func (w *world) VPC(_ *store.Tx, of, id string) (bool, bool, error) {
	return of == account && id == "vpc-1", true, nil
}

func (w *world) Manage(_ context.Context, _, id string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.managed[id] = true
	return nil
}

func (w *world) Unuse(_ context.Context, _, id string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.managed, id)
	return nil
}

func (w *world) Call(_ context.Context, as caller.Caller, service, name string, in any) (any, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if as.Identity.Account != account || as.Identity.Kind != caller.AssumedRole {
		w.t.Errorf("%s.%s is called as %+v", service, name, as.Identity)
	}
	if w.fail == name {
		return nil, fault.Kind{Code: "InvalidParameterValue", Status: 400}.New("%s fails", name)
	}
	switch in := in.(type) {
	case *ec2.DescribeSubnetsRequest:
		out := new(ec2.DescribeSubnetsResult)
		for _, id := range in.SubnetIds {
			vpc := "vpc-1"
			if id == "subnet-far" {
				vpc = "vpc-2"
			}
			out.Subnets = append(out.Subnets, ec2.Subnet{SubnetId: new(id), VpcId: &vpc})
		}
		return out, nil
	case *ec2.CreateNetworkInterfaceRequest:
		id, ip := "eni-"+*in.ClientToken, fmt.Sprintf("10.0.0.%d", 4+len(w.interfaces))
		if in.PrivateIpAddress != nil {
			ip = *in.PrivateIpAddress
		}
		w.interfaces[id] = &ec2.NetworkInterface{NetworkInterfaceId: &id, PrivateIpAddress: &ip, Description: in.Description, SubnetId: in.SubnetId}
		return &ec2.CreateNetworkInterfaceResult{NetworkInterface: w.interfaces[id]}, nil
	case *ec2.DescribeNetworkInterfacesRequest:
		out := new(ec2.DescribeNetworkInterfacesResult)
		for _, i := range w.interfaces {
			if *i.Description == in.Filters[0].Values[0] {
				out.NetworkInterfaces = append(out.NetworkInterfaces, *i)
			}
		}
		return out, nil
	case *ec2.DeleteNetworkInterfaceRequest:
		if w.managed[*in.NetworkInterfaceId] {
			w.t.Errorf("%s is deleted while it is in use", *in.NetworkInterfaceId)
		}
		delete(w.interfaces, *in.NetworkInterfaceId)
		return nil, nil
	case *logs.DescribeLogGroupsRequest:
		return &logs.DescribeLogGroupsResponse{LogGroups: []logs.LogGroup{{LogGroupName: new("/dns")}, {LogGroupName: new("/dns/more")}}}, nil
	case *logs.CreateLogStreamRequest:
		w.stream[*in.LogGroupName+" "+*in.LogStreamName] = []string{}
		return nil, nil
	case *logs.PutLogEventsRequest:
		key := *in.LogGroupName + " " + *in.LogStreamName
		if w.stream[key] == nil {
			return nil, fault.Kind{Code: "ResourceNotFoundException", Status: 400}.New("The specified log stream does not exist.")
		}
		for _, e := range in.LogEvents {
			w.stream[key] = append(w.stream[key], *e.Message)
		}
		return new(logs.PutLogEventsResponse), nil
	}
	return nil, errors.New("nobody plays " + name)
}

func call() *api.Call {
	return &api.Call{Region: "us-east-1", Caller: caller.Caller{Identity: caller.Identity{Kind: caller.User, Account: account}}}
}

func refused(t *testing.T, err error, code, part string) {
	t.Helper()
	f, ok := fault.As(err)
	if !ok || f.Code != code || !strings.Contains(f.Message, part) {
		t.Errorf("%v, not %s: %s", err, code, part)
	}
}

func request(token string) *shape.CreateResolverEndpointRequest {
	return &shape.CreateResolverEndpointRequest{CreatorRequestId: &token, Name: new("in"), Direction: new("INBOUND"), SecurityGroupIds: []string{"sg-1"},
		IpAddresses: []shape.IpAddressRequest{{SubnetId: new("subnet-a"), Ip: new("10.0.0.53")}, {SubnetId: new("subnet-b")}}, Tags: []shape.Tag{{Key: new("k"), Value: new("v")}}}
}

func (w *world) create(token string) string {
	w.t.Helper()
	out, err := w.createResolverEndpoint(w.t.Context(), call(), request(token))
	if err != nil {
		w.t.Fatal(err)
	}
	return *out.ResolverEndpoint.Id
}

// inbound are the interfaces that the network is told to be inbound, of all.
func (w *world) inbound() (of int, out []string) {
	n := &network.Network{VPCs: []network.VPC{{ID: "vpc-1"}, {ID: "vpc-2"}}, Interfaces: []network.Interface{{ID: "eni-other"}}}
	for id := range w.interfaces {
		n.Interfaces = append(n.Interfaces, network.Interface{ID: id})
	}
	if err := w.DB.View(w.t.Context(), func(tx *store.Tx) error { return w.Part(tx, n) }); err != nil {
		w.t.Fatal(err)
	}
	for _, i := range n.Interfaces {
		if i.Resolver {
			out = append(out, i.ID)
		}
	}
	return len(n.Interfaces), out
}

func TestEndpoint(t *testing.T) {
	w := open(t)
	id := w.create("one")
	if again := w.create("one"); again != id {
		t.Errorf("the same token makes %s and %s", id, again)
	}
	other := request("one")
	other.Name = new("other")
	_, err := w.createResolverEndpoint(t.Context(), call(), other)
	refused(t, err, "ResourceExistsException", "one")
	got, err := w.getResolverEndpoint(t.Context(), call(), &shape.GetResolverEndpointRequest{ResolverEndpointId: &id})
	if e := got.ResolverEndpoint; err != nil || *e.Status != "OPERATIONAL" || *e.HostVPCId != "vpc-1" || *e.IpAddressCount != 2 || *e.Name != "in" {
		t.Errorf("%+v %v", e, err)
	}
	if of, in := w.inbound(); of != 3 || len(in) != 2 || len(w.managed) != 2 {
		t.Errorf("inbound %v of %d, managed %v", in, of, w.managed)
	}
	addresses := func() []shape.IpAddressResponse {
		l, err := w.listAddresses(t.Context(), call(), &shape.ListResolverEndpointIpAddressesRequest{ResolverEndpointId: &id})
		if err != nil {
			t.Fatal(err)
		}
		return l.IpAddresses
	}
	if l := addresses(); len(l) != 2 || *l[0].Status != "ATTACHED" || *l[0].Ip != "10.0.0.53" && *l[1].Ip != "10.0.0.53" {
		t.Errorf("%+v", l)
	}
	leave := func(a shape.IpAddressUpdate) error {
		_, err := w.disassociateAddress(t.Context(), call(), &shape.DisassociateResolverEndpointIpAddressRequest{ResolverEndpointId: &id, IpAddress: &a})
		return err
	}
	join := func(subnet, ip string) error {
		_, err := w.associateAddress(t.Context(), call(), &shape.AssociateResolverEndpointIpAddressRequest{ResolverEndpointId: &id, IpAddress: &shape.IpAddressUpdate{SubnetId: &subnet, Ip: &ip}})
		return err
	}
	refused(t, leave(shape.IpAddressUpdate{SubnetId: new("subnet-a"), Ip: new("10.0.0.53")}), "InvalidRequestException", "at least 2")
	refused(t, join("subnet-a", "10.0.0.53"), "ResourceExistsException", "10.0.0.53")
	refused(t, join("subnet-far", "10.9.0.53"), "InvalidRequestException", "same VPC")
	refused(t, join("subnet-a", "10.0.0.999"), "InvalidParameterException", "invalid")
	if err := join("subnet-a", "10.0.0.99"); err != nil || len(addresses()) != 3 || len(w.interfaces) != 3 {
		t.Errorf("%v %d", err, len(w.interfaces))
	}
	if err := leave(shape.IpAddressUpdate{SubnetId: new("subnet-a"), Ip: new("10.0.0.53")}); err != nil || len(addresses()) != 2 || len(w.interfaces) != 2 {
		t.Errorf("%v %d", err, len(w.interfaces))
	}
	refused(t, leave(shape.IpAddressUpdate{IpId: new("rni-none")}), "ResourceNotFoundException", "")
	if up, err := w.updateResolverEndpoint(t.Context(), call(), &shape.UpdateResolverEndpointRequest{ResolverEndpointId: &id, Name: new("new")}); err != nil || *up.ResolverEndpoint.Name != "new" {
		t.Errorf("%+v %v", up, err)
	}
	found, err := w.listResolverEndpoints(t.Context(), call(), &shape.ListResolverEndpointsRequest{Filters: []shape.Filter{{Name: new("Name"), Values: []string{"new"}}, {Name: new("HostVPCId"), Values: []string{"vpc-1"}}}})
	if err != nil || len(found.ResolverEndpoints) != 1 {
		t.Errorf("%+v %v", found, err)
	}
	_, err = w.listResolverEndpoints(t.Context(), call(), &shape.ListResolverEndpointsRequest{Filters: []shape.Filter{{Name: new("Colour")}}})
	refused(t, err, "InvalidParameterException", "Colour")
	if _, err := w.deleteResolverEndpoint(t.Context(), call(), &shape.DeleteResolverEndpointRequest{ResolverEndpointId: &id}); err != nil || len(w.interfaces) != 0 {
		t.Errorf("%v %v", err, w.interfaces)
	}
	_, err = w.deleteResolverEndpoint(t.Context(), call(), &shape.DeleteResolverEndpointRequest{ResolverEndpointId: &id})
	refused(t, err, "ResourceNotFoundException", id)
}

func TestEndpointsThatAreRefused(t *testing.T) {
	w := open(t)
	for name, c := range map[string]struct {
		spoil      func(*shape.CreateResolverEndpointRequest)
		code, part string
	}{
		"outbound":  {func(r *shape.CreateResolverEndpointRequest) { r.Direction = new("OUTBOUND") }, "InvalidRequestException", "OUTBOUND is not supported by Cloister"},
		"DoH":       {func(r *shape.CreateResolverEndpointRequest) { r.Protocols = []string{"DoH"} }, "InvalidRequestException", "Do53"},
		"dualstack": {func(r *shape.CreateResolverEndpointRequest) { r.ResolverEndpointType = new("DUALSTACK") }, "InvalidRequestException", "IPV4"},
		"outpost":   {func(r *shape.CreateResolverEndpointRequest) { r.OutpostArn = new("arn") }, "InvalidRequestException", "OutpostArn"},
		"IPv6":      {func(r *shape.CreateResolverEndpointRequest) { r.IpAddresses[0].Ipv6 = new("fd00::1") }, "InvalidRequestException", "Ipv6"},
		"no group":  {func(r *shape.CreateResolverEndpointRequest) { r.SecurityGroupIds = nil }, "InvalidParameterException", "security group"},
		"two VPCs":  {func(r *shape.CreateResolverEndpointRequest) { r.IpAddresses[1].SubnetId = new("subnet-far") }, "InvalidRequestException", "same VPC"},
	} {
		r := request(name)
		c.spoil(r)
		_, err := w.createResolverEndpoint(t.Context(), call(), r)
		refused(t, err, c.code, c.part)
	}
	w.fail = "CreateNetworkInterface"
	_, err := w.createResolverEndpoint(t.Context(), call(), request("fails"))
	refused(t, err, "InvalidParameterException", "CreateNetworkInterface fails")
	w.fail = ""
	found, err := w.listResolverEndpoints(t.Context(), call(), &shape.ListResolverEndpointsRequest{})
	if err != nil || len(found.ResolverEndpoints) != 0 || len(w.interfaces) != 0 {
		t.Errorf("something is left of what was refused: %+v %v %v", found, w.interfaces, err)
	}
	for i := range mostEndpoints {
		w.create(fmt.Sprint("fine ", i))
	}
	_, err = w.createResolverEndpoint(t.Context(), call(), request("one too many"))
	refused(t, err, "LimitExceededException", "")
}

// TestSettle: whatever a stop left half done is ended by the next process.
func TestSettle(t *testing.T) {
	w := open(t)
	id := w.create("whole")
	state := func(id, status string, change func(*endpoint)) {
		err := w.DB.Update(t.Context(), func(tx *store.Tx) error {
			e, err := findEndpoint(tx, account, id)
			if err != nil {
				return err
			}
			e.Status = status
			change(e)
			return putEndpoint(tx, e)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	gone, made := w.create("deleting"), w.create("creating")
	state(gone, deleting, func(*endpoint) {})
	state(made, creating, func(e *endpoint) { e.Addresses[0].Interface, e.Addresses[1].Interface = "", "" })
	state(id, updating, func(e *endpoint) {
		e.Addresses = append(e.Addresses, &address{ID: "rni-half", Subnet: "subnet-a"})
		w.interfaces["eni-half"] = &ec2.NetworkInterface{NetworkInterfaceId: new("eni-half"), Description: new(mark(e.ID, "rni-half"))}
	})
	for range 2 {
		if err := w.settle(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	found, err := w.listResolverEndpoints(t.Context(), call(), &shape.ListResolverEndpointsRequest{})
	if err != nil || len(found.ResolverEndpoints) != 1 || *found.ResolverEndpoints[0].Id != id || *found.ResolverEndpoints[0].Status != "OPERATIONAL" || *found.ResolverEndpoints[0].IpAddressCount != 2 {
		t.Errorf("%+v %v", found, err)
	}
	if of, in := w.inbound(); of != 3 || len(in) != 2 {
		t.Errorf("inbound %v of %d", in, of)
	}
}

func (w *world) config(token string) string {
	w.t.Helper()
	out, err := w.createConfig(w.t.Context(), call(), &shape.CreateResolverQueryLogConfigRequest{Name: new("q"), CreatorRequestId: &token, DestinationArn: new("arn:aws:logs:us-east-1:" + account + ":log-group:/dns:*")})
	if err != nil {
		w.t.Fatal(err)
	}
	return *out.ResolverQueryLogConfig.Id
}

func TestQueryLogs(t *testing.T) {
	w := open(t)
	id := w.config("one")
	if w.config("one") != id {
		t.Error("the same token makes two")
	}
	create := func(token, destination string) error {
		_, err := w.createConfig(t.Context(), call(), &shape.CreateResolverQueryLogConfigRequest{Name: new("other"), CreatorRequestId: &token, DestinationArn: &destination})
		return err
	}
	refused(t, create("one", "arn:aws:logs:us-east-1:"+account+":log-group:/dns"), "ResourceExistsException", "")
	refused(t, create("2", "arn:aws:s3:::bucket"), "InvalidRequestException", "not supported by Cloister")
	refused(t, create("2", "arn:aws:firehose:us-east-1:"+account+":deliverystream/x"), "InvalidRequestException", "not supported by Cloister")
	refused(t, create("2", "arn:aws:logs:us-east-1:"+account+":log-group:/dn"), "InvalidParameterException", "does not exist")
	refused(t, create("2", "arn:aws:logs:us-east-1:999999999999:log-group:/dns"), "InvalidParameterException", "account")

	associate := func(vpc string) error {
		_, err := w.associateConfig(t.Context(), call(), &shape.AssociateResolverQueryLogConfigRequest{ResolverQueryLogConfigId: &id, ResourceId: &vpc})
		return err
	}
	refused(t, associate("vpc-9"), "InvalidParameterException", "vpc-9")
	if err := associate("vpc-1"); err != nil {
		t.Fatal(err)
	}
	refused(t, associate("vpc-1"), "ResourceExistsException", "vpc-1")
	n := &network.Network{VPCs: []network.VPC{{ID: "vpc-1"}, {ID: "vpc-2"}}}
	if err := w.DB.View(t.Context(), func(tx *store.Tx) error { return w.Part(tx, n) }); err != nil || !n.VPCs[0].LogQueries || n.VPCs[1].LogQueries {
		t.Errorf("%v %v", n.VPCs, err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	at := time.Date(2026, 11, 21, 6, 0, 0, 0, time.UTC)
	q := network.Query{VPC: "vpc-1", Source: netip.MustParseAddrPort("10.0.0.5:4711"), Name: "a.test.", Type: "A", Transport: "UDP", Code: "NOERROR",
		Answers: []network.Answer{{Data: "10.0.0.1", Type: "A"}}, Time: at}
	w.Query(q)
	q.VPC = "vpc-2"
	w.Query(q)
	lines := func() []string {
		w.mu.Lock()
		defer w.mu.Unlock()
		return slices.Clone(w.stream["/dns vpc-1_"+id])
	}
	for end := time.Now().Add(10 * time.Second); len(lines()) == 0 && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	want := `{"version":"1.100000","account_id":"111122223333","region":"us-east-1","vpc_id":"vpc-1","query_timestamp":"2026-11-21T06:00:00Z","query_name":"a.test.","query_type":"A","query_class":"IN","rcode":"NOERROR",` +
		`"answers":[{"Rdata":"10.0.0.1","Type":"A","Class":"IN"}],"srcaddr":"10.0.0.5","srcport":"4711","transport":"UDP","srcids":{}}`
	if got := lines(); len(got) != 1 || got[0] != want || !json.Valid([]byte(want)) {
		t.Errorf("%s", got)
	}

	// A destination that cannot be written is told of, and no more once it can.
	status := func() string {
		l, err := w.listAssociations(t.Context(), call(), &shape.ListResolverQueryLogConfigAssociationsRequest{Filters: []shape.Filter{{Name: new("ResourceId"), Values: []string{"vpc-1"}}}})
		if err != nil || len(l.ResolverQueryLogConfigAssociations) != 1 {
			t.Fatalf("%+v %v", l, err)
		}
		a := l.ResolverQueryLogConfigAssociations[0]
		return *a.Status + " " + *a.Error
	}
	q.VPC, w.fail = "vpc-1", "PutLogEvents"
	if err := w.deliver(t.Context(), []network.Query{q}); err == nil || status() != "ACTION_NEEDED DESTINATION_NOT_FOUND" {
		t.Errorf("%v %s", err, status())
	}
	w.fail = ""
	if err := w.deliver(t.Context(), []network.Query{q}); err != nil || status() != "ACTIVE NONE" {
		t.Errorf("%v %s", err, status())
	}

	remove := func() error {
		_, err := w.deleteConfig(t.Context(), call(), &shape.DeleteResolverQueryLogConfigRequest{ResolverQueryLogConfigId: &id})
		return err
	}
	refused(t, remove(), "InvalidRequestException", "disassociate")
	leave := func() error {
		_, err := w.disassociateConfig(t.Context(), call(), &shape.DisassociateResolverQueryLogConfigRequest{ResolverQueryLogConfigId: &id, ResourceId: new("vpc-1")})
		return err
	}
	if err := leave(); err != nil {
		t.Error(err)
	}
	refused(t, leave(), "ResourceNotFoundException", "vpc-1")
	if err := remove(); err != nil {
		t.Error(err)
	}
	refused(t, remove(), "ResourceNotFoundException", id)
}

// TestQueryNeverBlocks: with nobody to take them, questions are counted and lost.
func TestQueryNeverBlocks(t *testing.T) {
	w := open(t)
	for range queueLength + 10 {
		w.Query(network.Query{})
	}
	if lost := w.heard.lost.Load(); lost != 10 {
		t.Errorf("%d are lost", lost)
	}
}

func TestTagsAndChecks(t *testing.T) {
	w := open(t)
	for _, name := range []string{"resolver-endpoint/" + w.create("one"), "resolver-query-log-config/" + w.config("one")} {
		of := "arn:aws:route53resolver:us-east-1:" + account + ":" + name
		if _, err := w.tagResource(t.Context(), call(), &shape.TagResourceRequest{ResourceArn: &of, Tags: []shape.Tag{{Key: new("a"), Value: new("1")}, {Key: new("b"), Value: new("2")}}}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.untagResource(t.Context(), call(), &shape.UntagResourceRequest{ResourceArn: &of, TagKeys: []string{"a", "k"}}); err != nil {
			t.Fatal(err)
		}
		if l, err := w.listTagsForResource(t.Context(), call(), &shape.ListTagsForResourceRequest{ResourceArn: &of}); err != nil || len(l.Tags) != 1 || *l.Tags[0].Value != "2" {
			t.Errorf("%+v %v", l, err)
		}
	}
	for _, name := range []string{"nonsense", "arn:aws:route53resolver:us-east-1:999999999999:resolver-endpoint/x", "arn:aws:route53resolver:us-east-1:" + account + ":resolver-rule/x"} {
		_, err := w.listTagsForResource(t.Context(), call(), &shape.ListTagsForResourceRequest{ResourceArn: &name})
		refused(t, err, "ResourceNotFoundException", "")
	}
	var asked []string
	for _, c := range createChecks(call(), request("x")) {
		asked = append(asked, c.Action+" "+c.Resource)
	}
	at := ":us-east-1:" + account + ":"
	want := []string{"route53resolver:CreateResolverEndpoint arn:aws:route53resolver" + at + "resolver-endpoint/*", "ec2:CreateNetworkInterface arn:aws:ec2" + at + "network-interface/*",
		"ec2:CreateNetworkInterface arn:aws:ec2" + at + "subnet/subnet-a", "ec2:CreateNetworkInterface arn:aws:ec2" + at + "subnet/subnet-b", "ec2:CreateNetworkInterface arn:aws:ec2" + at + "security-group/sg-1"}
	if !slices.Equal(asked, want) {
		t.Errorf("%q", asked)
	}
	if _, err := new(Service).Bind(); err != nil {
		t.Error(err)
	}
}
