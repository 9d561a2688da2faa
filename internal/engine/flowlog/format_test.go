package flowlog

import (
	"net/netip"
	"strings"
	"testing"
)

func record() *Record {
	return &Record{
		Account: "123456789010", Interface: "eni-1235b8ca123456789", VPC: "vpc-1", Subnet: "subnet-1", Region: "us-east-1", ZoneID: "use1-az1",
		Source: netip.MustParseAddrPort("172.31.16.139:20641"), Target: netip.MustParseAddrPort("172.31.16.21:22"),
		PacketSource: netip.MustParseAddr("172.31.16.139"), PacketTarget: netip.MustParseAddr("198.18.0.1"),
		Protocol: 6, Packets: 20, Bytes: 4249, Start: 1418530010, End: 1418530070, Accepted: true, Egress: true, TargetService: "S3", Path: 7,
	}
}

// The forms of facts privatelink 9.1.
func TestLines(t *testing.T) {
	refused := record()
	refused.Accepted, refused.Egress = false, false
	for i, c := range []struct {
		format string
		record *Record
		status Status
		want   string
	}{
		{Default, record(), OK, "2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK"},
		{Default, refused, OK, "2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 REJECT OK"},
		{Default, record(), NoData, "2 123456789010 eni-1235b8ca123456789 - - - - - - - 1418530010 1418530070 - NODATA"},
		{Default, record(), SkipData, "2 123456789010 eni-1235b8ca123456789 - - - - - - - 1418530010 1418530070 - SKIPDATA"},
		{"${vpc-id} ${version} ${pkt-dstaddr} ${instance-id}", record(), OK, "vpc-1 3 198.18.0.1 -"},
		{"${version} ${region} ${az-id}", record(), NoData, "4 us-east-1 use1-az1"},
		{"${version} ${flow-direction} ${pkt-dst-aws-service} ${pkt-src-aws-service} ${traffic-path}", record(), OK, "5 egress S3 - 7"},
		{"${traffic-path} ${flow-direction}", refused, OK, "- ingress"},
		{"${version} ${ecs-task-id} ${pkt-srcaddr}", &Record{}, OK, "7 - -"},
		{"${version} ${reject-reason}", &Record{}, OK, "8 -"},
	} {
		f, err := Parse(c.format)
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Line(c.record, c.status); got != c.want {
			t.Errorf("%d: %q\nnot %q", i, got, c.want)
		}
	}
	f, _ := Parse(Default)
	if want := strings.NewReplacer("${", "", "}", "").Replace(Default); f.Header() != want {
		t.Errorf("header %q", f.Header())
	}
}

func TestFormatsThatAreNone(t *testing.T) {
	for _, text := range []string{"", " ", "version", "${version", "${Version}", "${x}", "${version}${start}", "${start} ${start}", "${}"} {
		if f, err := Parse(text); err == nil {
			t.Errorf("%q is %v", text, f)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(Default)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Parse(text)
		if err != nil {
			return
		}
		if n := len(strings.Fields(p.Line(new(Record), OK))); n != len(p.fields) {
			t.Errorf("%q: %d values for %d fields", text, n, len(p.fields))
		}
	})
}
