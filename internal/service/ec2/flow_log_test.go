package ec2

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"cloister/internal/frame/directory"
	"cloister/internal/value/caller"
	"cloister/internal/value/fault"
	"cloister/internal/value/network"
	shape "cloister/internal/value/shape/ec2"
	"cloister/internal/value/shape/logs"
	"cloister/internal/value/shape/s3"
	"cloister/internal/value/shape/sts"
)

// mailbox is what stands behind a delivery: it takes what is put and says by whom.
type mailbox struct {
	h       *house
	mu      sync.Mutex
	streams map[string][]string
	files   map[string]string
	policy  string
	refuse  error
	by      map[string]bool
}

func (m *mailbox) Call(_ context.Context, as caller.Caller, service, name string, in any) (any, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.by[as.Identity.PrincipalARN+" "+name] = true
	switch in := in.(type) {
	case *sts.AssumeRoleRequest:
		c, err := m.h.Directory.Mint(caller.Identity{Kind: caller.AssumedRole, Account: account, PrincipalARN: *in.RoleArn}, "AROA1", time.Now().Add(time.Hour))
		return &sts.AssumeRoleResponse{Credentials: &sts.Credentials{AccessKeyId: &c.AccessKey, SecretAccessKey: &c.Secret, SessionToken: &c.Token}}, err
	case *logs.CreateLogGroupRequest:
		return &struct{}{}, nil
	case *logs.CreateLogStreamRequest:
		m.streams[*in.LogStreamName] = []string{}
		return &struct{}{}, nil
	case *logs.PutLogEventsRequest:
		if m.refuse != nil {
			return nil, m.refuse
		}
		if m.streams[*in.LogStreamName] == nil {
			return nil, fault.Kind{Code: "ResourceNotFoundException", Status: 400}.New("none")
		}
		for _, e := range in.LogEvents {
			m.streams[*in.LogStreamName] = append(m.streams[*in.LogStreamName], *e.Message)
		}
		return &logs.PutLogEventsResponse{}, nil
	case *s3.GetBucketPolicyRequest:
		if *in.Bucket == "nowhere" {
			return nil, fault.Kind{Code: "NoSuchBucket", Status: 404}.New("none")
		}
		if m.policy == "" {
			return nil, fault.Kind{Code: "NoSuchBucketPolicy", Status: 404}.New("none")
		}
		return &s3.GetBucketPolicyOutput{Policy: &m.policy}, nil
	case *s3.PutBucketPolicyRequest:
		m.policy = *in.Policy
		return &struct{}{}, nil
	case *s3.PutObjectRequest:
		z, err := gzip.NewReader(in.Body)
		if err != nil {
			return nil, err
		}
		var b bytes.Buffer
		_, err = io.Copy(&b, z)
		m.files[*in.Key] = b.String()
		return &s3.PutObjectOutput{}, err
	}
	return nil, fmt.Errorf("unexpected %s.%s", service, name)
}

func withMail(t *testing.T) (*house, *mailbox) {
	h := newHouse(t)
	m := &mailbox{h: h, streams: map[string][]string{}, files: map[string]string{}, by: map[string]bool{}}
	h.line.to.Store(m)
	h.Directory.SetPrincipal(&directory.Principal{Kind: caller.AssumedRole, Account: account, ARN: flowRole, ID: "AROA1", Name: "flows"})
	return h, m
}

const flowRole = "arn:aws:iam::" + account + ":role/flows"

func flowRequest(kind, id string, change func(*shape.CreateFlowLogsRequest)) *shape.CreateFlowLogsRequest {
	in := &shape.CreateFlowLogsRequest{ResourceType: &kind, ResourceIds: []string{id}, TrafficType: new("ALL"), LogGroupName: new("flows"), DeliverLogsPermissionArn: new(flowRole)}
	if change != nil {
		change(in)
	}
	return in
}

func at(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func TestFlowsReachTheGroupOfTheInterface(t *testing.T) {
	h, m := withMail(t)
	v := h.vpc("10.0.0.0/16")
	a := h.subnet(v, "10.0.0.0/24", "a")
	g := h.group(v, "g")
	one, two, idle := h.eni(a, g), h.eni(a, g), h.eni(a, g)
	made := must[shape.CreateFlowLogsResult](h, "CreateFlowLogs", flowRequest("VPC", v, nil))
	if len(made.FlowLogIds) != 1 || !h.fabric.network().VPCs[0].LogFlows {
		t.Fatalf("made %+v, network %+v", made, h.fabric.network().VPCs)
	}
	began := time.Now()
	flow := network.Flow{VPC: v, Protocol: 6, Source: at(*one.PrivateIpAddress + ":40000"), Target: at(*two.PrivateIpAddress + ":443"), Accepted: true,
		Packets: [2]uint64{5, 4}, Bytes: [2]uint64{500, 4000}, Start: began, End: began}
	h.Flow(flow)
	flow.Packets, flow.Bytes = [2]uint64{1, 0}, [2]uint64{50, 0}
	h.Flow(flow)
	h.Flow(network.Flow{VPC: v, Protocol: 17, Source: at(*one.PrivateIpAddress + ":5000"), Target: at(*two.PrivateIpAddress + ":53"), Refuser: *two.NetworkInterfaceId,
		Packets: [2]uint64{2, 0}, Bytes: [2]uint64{80, 0}, Start: began, End: began})
	h.Flow(network.Flow{VPC: "vpc-of-another", Source: at("10.9.9.9:1"), Target: at("10.9.9.8:1"), Accepted: true, Packets: [2]uint64{1, 1}})
	if err := h.deliverWindow(t.Context()); err != nil {
		t.Fatal(err)
	}
	for eni, want := range map[*shape.NetworkInterface][]string{
		one: {"40000 443 6 6 550 ACCEPT", "443 40000 6 4 4000 ACCEPT", "5000 53 17 2 80 ACCEPT"},
		two: {"40000 443 6 6 550 ACCEPT", "443 40000 6 4 4000 ACCEPT", "5000 53 17 2 80 REJECT"}, idle: {"NODATA"},
	} {
		got := m.streams[*eni.NetworkInterfaceId+"-all"]
		if len(got) != len(want) {
			t.Errorf("%s has %q", *eni.NetworkInterfaceId, got)
		}
		for _, line := range want {
			if !contains(got, line) {
				t.Errorf("%s lacks %q: %q", *eni.NetworkInterfaceId, line, got)
			}
		}
	}
	if !m.by[flowRole+" PutLogEvents"] {
		t.Errorf("lines were put by %v", m.by)
	}
	must[shape.DeleteFlowLogsResult](h, "DeleteFlowLogs", &shape.DeleteFlowLogsRequest{FlowLogIds: made.FlowLogIds})
	if h.fabric.network().VPCs[0].LogFlows {
		t.Error("flows are told after nobody asks")
	}
}

// contains looks for a line that has all words of another in their order, others between.
func contains(lines []string, words string) bool {
	for _, l := range lines {
		rest := strings.Fields(l)
		found := true
		for _, w := range strings.Fields(words) {
			at := -1
			for i, have := range rest {
				if have == w {
					at = i
					break
				}
			}
			if at < 0 {
				found = false
				break
			}
			rest = rest[at+1:]
		}
		if found {
			return true
		}
	}
	return false
}

func TestFlowsReachABucket(t *testing.T) {
	h, m := withMail(t)
	v := h.vpc("10.0.0.0/16")
	i := h.eni(h.subnet(v, "10.0.0.0/24", "a"), h.group(v, "g"))
	bucket := func(in *shape.CreateFlowLogsRequest) {
		in.LogGroupName, in.DeliverLogsPermissionArn = nil, nil
		in.LogDestinationType, in.LogDestination, in.TrafficType = new("s3"), new("arn:aws:s3:::data/net/"), new("REJECT")
		in.LogFormat = new("${interface-id} ${action} ${pkt-srcaddr} ${flow-direction}")
		in.DestinationOptions = &shape.DestinationOptionsRequest{HiveCompatiblePartitions: new(true), PerHourPartition: new(true)}
	}
	id := must[shape.CreateFlowLogsResult](h, "CreateFlowLogs", flowRequest("NetworkInterface", *i.NetworkInterfaceId, bucket)).FlowLogIds[0]
	for _, word := range []string{"AWSLogDeliveryWrite", "delivery.logs.amazonaws.com", "arn:aws:s3:::data/net/AWSLogs/aws-account-id=" + account + "/*"} {
		if !strings.Contains(m.policy, word) {
			t.Errorf("the bucket's policy lacks %s: %s", word, m.policy)
		}
	}
	h.Flow(network.Flow{VPC: v, Protocol: 6, Source: at("10.0.0.9:1"), Target: at(*i.PrivateIpAddress + ":22"), Refuser: *i.NetworkInterfaceId, Packets: [2]uint64{1, 0}})
	h.Flow(network.Flow{VPC: v, Protocol: 6, Source: at("10.0.0.9:1"), Target: at(*i.PrivateIpAddress + ":443"), Accepted: true, Packets: [2]uint64{1, 1}})
	if err := h.deliverWindow(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(m.files) != 1 {
		t.Fatalf("files %v", m.files)
	}
	for key, text := range m.files {
		if !strings.HasPrefix(key, "net/AWSLogs/aws-account-id="+account+"/aws-service=vpcflowlogs/aws-region=us-east-1/year=2") || !strings.Contains(key, "/hour=") ||
			!strings.Contains(key, "_vpcflowlogs_us-east-1_"+id+"_") || !strings.HasSuffix(key, ".log.gz") {
			t.Errorf("key %s", key)
		}
		if want := "interface-id action pkt-srcaddr flow-direction\n" + *i.NetworkInterfaceId + " REJECT 10.0.0.9 ingress\n"; text != want {
			t.Errorf("file %q\nnot %q", text, want)
		}
	}
	missing := must[shape.CreateFlowLogsResult](h, "CreateFlowLogs", flowRequest("VPC", v, func(in *shape.CreateFlowLogsRequest) {
		bucket(in)
		in.LogDestination = new("arn:aws:s3:::nowhere")
	}))
	if len(missing.FlowLogIds) != 0 || len(missing.Unsuccessful) != 1 || *missing.Unsuccessful[0].Error.Message != "LogDestination: nowhere does not exist" {
		t.Errorf("a bucket that is none: %+v", missing)
	}
}

func TestADeliveryThatIsDeniedIsSaid(t *testing.T) {
	h, m := withMail(t)
	v := h.vpc("10.0.0.0/16")
	h.eni(h.subnet(v, "10.0.0.0/24", "a"), h.group(v, "g"))
	id := must[shape.CreateFlowLogsResult](h, "CreateFlowLogs", flowRequest("VPC", v, nil)).FlowLogIds[0]
	status := func() string {
		l := must[shape.DescribeFlowLogsResult](h, "DescribeFlowLogs", &shape.DescribeFlowLogsRequest{FlowLogIds: []string{id}}).FlowLogs[0]
		return *l.DeliverLogsStatus + " " + str(l.DeliverLogsErrorMessage)
	}
	m.refuse = fault.Kind{Code: "AccessDeniedException", Status: 400}.New("no")
	for want, refuse := range map[string]error{"FAILED Access error": m.refuse} {
		m.refuse = refuse
		if err := h.deliverWindow(t.Context()); err != nil || status() != want {
			t.Errorf("%v, status %s, want %s", err, status(), want)
		}
	}
	m.refuse = nil
	if err := h.deliverWindow(t.Context()); err != nil || status() != "SUCCESS " {
		t.Errorf("%v, status %s", err, status())
	}
}

func TestMoreFlowsThanAreKept(t *testing.T) {
	c := new(collector)
	for i := range flowLimit + 10 {
		c.Flow(network.Flow{VPC: "vpc-1", Source: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 1)})
	}
	if w := c.take(time.Now()); len(w.flows["vpc-1"]) != flowLimit || !w.skipped["vpc-1"] {
		t.Errorf("%d flows are kept, skipped %v", len(w.flows["vpc-1"]), w.skipped)
	}
	if w := c.take(time.Now()); len(w.flows) != 0 || w.skipped["vpc-1"] {
		t.Error("a window begins with what the last one had")
	}
}

func TestFlowLogsThatCannotBe(t *testing.T) {
	h, _ := withMail(t)
	v := h.vpc("10.0.0.0/16")
	for what, c := range map[string]struct {
		change        func(*shape.CreateFlowLogsRequest)
		code, message string
	}{
		"both":    {func(in *shape.CreateFlowLogsRequest) { in.LogDestination = new("arn:aws:s3:::b") }, "InvalidParameter", "Please only provide LogGroupName or only provide LogDestination."},
		"neither": {func(in *shape.CreateFlowLogsRequest) { in.LogGroupName = nil }, "InvalidParameter", "LogDestination can't be empty if LogGroupName is not provided."},
		"type":    {func(in *shape.CreateFlowLogsRequest) { in.LogDestinationType = new("s3") }, "InvalidParameter", "LogDestination type must be cloud-watch-logs if LogGroupName is provided."},
		"no role": {func(in *shape.CreateFlowLogsRequest) { in.DeliverLogsPermissionArn = nil }, "InvalidParameter", "DeliverLogsPermissionArn can't be empty if LogDestinationType is cloud-watch-logs."},
		"a user": {func(in *shape.CreateFlowLogsRequest) {
			in.DeliverLogsPermissionArn = new("arn:aws:iam::" + account + ":user/x")
		}, "InvalidParameter", "DeliverLogsPermissionArn arn:aws:iam::" + account + ":user/x is not the ARN of a role."},
		"firehose": {func(in *shape.CreateFlowLogsRequest) {
			in.LogGroupName, in.LogDestination, in.LogDestinationType = nil, new("arn"), new("kinesis-data-firehose")
		}, "UnsupportedOperation", ""},
		"format":   {func(in *shape.CreateFlowLogsRequest) { in.LogFormat = new("${nothing}") }, "InvalidParameter", "The log format is not valid: unknown field nothing."},
		"interval": {func(in *shape.CreateFlowLogsRequest) { in.MaxAggregationInterval = new(int32(61)) }, "InvalidParameter", ""},
		"parquet": {func(in *shape.CreateFlowLogsRequest) {
			in.DestinationOptions = &shape.DestinationOptionsRequest{FileFormat: new("parquet")}
		}, "InvalidParameter", ""},
		"no traffic":  {func(in *shape.CreateFlowLogsRequest) { in.TrafficType = nil }, "MissingParameter", ""},
		"no resource": {func(in *shape.CreateFlowLogsRequest) { in.ResourceIds = nil }, "MissingParameter", ""},
		"unknown":     {func(in *shape.CreateFlowLogsRequest) { in.ResourceIds = []string{"vpc-0abc"} }, "InvalidVpcID.NotFound", "The vpc ID 'vpc-0abc' does not exist"},
		"gateway":     {func(in *shape.CreateFlowLogsRequest) { in.ResourceType = new("TransitGateway") }, "InvalidParameter", ""},
		"group arn": {func(in *shape.CreateFlowLogsRequest) {
			in.LogGroupName, in.LogDestination = nil, new("arn:aws:logs:us-east-1:1:x")
		}, "InvalidParameter", ""},
		"reserved": {func(in *shape.CreateFlowLogsRequest) {
			in.LogGroupName, in.DeliverLogsPermissionArn, in.LogDestinationType, in.LogDestination = nil, nil, new("s3"), new("arn:aws:s3:::b/AWSLogs/")
		}, "InvalidParameter", ""},
	} {
		t.Run(what, func(t *testing.T) {
			refused[shape.CreateFlowLogsResult](h, "CreateFlowLogs", flowRequest("VPC", v, c.change), c.code, c.message)
		})
	}
	token := flowRequest("VPC", v, func(in *shape.CreateFlowLogsRequest) { in.ClientToken = new("t") })
	first := must[shape.CreateFlowLogsResult](h, "CreateFlowLogs", token).FlowLogIds[0]
	if again := must[shape.CreateFlowLogsResult](h, "CreateFlowLogs", token).FlowLogIds; len(again) != 1 || again[0] != first {
		t.Errorf("the same token made %v", again)
	}
	refused[shape.CreateFlowLogsResult](h, "CreateFlowLogs", flowRequest("VPC", v, nil), "FlowLogAlreadyExists", "Error. There is an existing Flow Log with the same configuration and log destination.")
	refused[shape.DeleteFlowLogsResult](h, "DeleteFlowLogs", &shape.DeleteFlowLogsRequest{FlowLogIds: []string{"fl-0abc"}}, "InvalidFlowLogId.NotFound",
		"These flow log ids in the input list are not found: [TotalCount: 1] fl-0abc")
	if l := must[shape.DescribeFlowLogsResult](h, "DescribeFlowLogs", &shape.DescribeFlowLogsRequest{Filter: []shape.Filter{filter("resource-id", v)}}).FlowLogs; len(l) != 1 ||
		*l[0].FlowLogStatus != "ACTIVE" || *l[0].MaxAggregationInterval != 600 || *l[0].LogDestination != "arn:aws:logs:us-east-1:"+account+":log-group:flows" {
		t.Errorf("flow logs %+v", l)
	}
}

// TestAnAddressThatChangedHands: what passed under an address is told of who had it then, also when he
// is gone at the window's end.
func TestAnAddressThatChangedHands(t *testing.T) {
	began := time.Now()
	at, other := netip.MustParseAddr("10.0.0.4"), netip.MustParseAddr("10.0.0.9")
	first := &eni{head: head{ID: "eni-1", Created: began}, VPC: "vpc-1", Address: at}
	second := &eni{head: head{ID: "eni-2", Created: began.Add(time.Second)}, VPC: "vpc-1", Address: at}
	c := new(collector)
	c.know([]*eni{first})
	c.know([]*eni{second})
	for i, after := range []time.Duration{500 * time.Millisecond, 1500 * time.Millisecond} {
		start := began.Add(after)
		c.Flow(network.Flow{VPC: "vpc-1", Accepted: true, Protocol: 6, Source: netip.AddrPortFrom(at, uint16(1000+i)), Target: netip.AddrPortFrom(other, 443),
			Packets: [2]uint64{1, 0}, Start: start, End: start})
	}
	w := c.take(began.Add(2 * time.Second))
	if all := w.interfaces([]*eni{second}); len(all) != 2 {
		t.Fatalf("%d interfaces are told of, of 2", len(all))
	}
	v := &viewer{vpcs: map[string]*vpc{}}
	for i, want := range map[*eni]uint16{first: 1000, second: 1001} {
		if got := v.seen(i, w); len(got) != 1 || got[0].Source.Port() != want {
			t.Errorf("%s is told to have seen %d flows, %+v", i.ID, len(got), got)
		}
	}
}
