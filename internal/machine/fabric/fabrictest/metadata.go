package fabrictest

import (
	"net/netip"
	"testing"

	"cloister/internal/value/caller"
	"cloister/internal/value/network"
)

// informed has two VPCs of equal ranges, and in the first an interface that is told its credentials though its
// groups and its subnet let nothing through.
func informed(told bool) *network.Network {
	v := vpc("a", open("sg-1"), network.Group{ID: "sg-none"})
	v.ACLs = []network.ACL{{ID: "acl-none"}}
	v.Subnets[0].ACL = "acl-none"
	n := &network.Network{VPCs: []network.VPC{v, vpc("b", open("sg-1"))}, Isolated: []string{"job-1"}}
	n.Interfaces = []network.Interface{
		eni("a", "eni-told", "10.0.1.5", "sg-none"), eni("a", "eni-beside", "10.0.1.6", "sg-1"),
		eni("a", "eni-open", "10.0.2.5", "sg-1"), eni("b", "eni-b", "10.0.1.5", "sg-1"),
	}
	n.Interfaces[0].Metadata = told
	n.Internet.Hosts = []network.Host{{ID: "host-1", Address: netip.MustParseAddr("198.51.100.10")}}
	return n
}

func testMetadata(_ *testing.T, w *world) {
	known := caller.Origin{Place: caller.Metadata, VPC: "vpc-a", Subnet: "subnet-1a", Interface: "eni-told", Source: netip.MustParseAddr("10.0.1.5")}
	w.apply(informed(true))
	asking := w.enter("eni-told", "169.254.170.2:80", known)
	w.enter("eni-told", "169.254.169.254:80", known)
	nobody := []step{
		{"eni-told", "169.254.170.2:443", ""}, {"eni-told", "169.254.169.254:53", ""}, {"eni-told", "169.254.170.3:80", ""},
		{"eni-told", "10.0.0.2:80", ""}, {"eni-told", "169.254.169.253:80", ""},
		{"eni-beside", "169.254.170.2:80", ""}, {"eni-beside", "169.254.169.254:80", ""}, {"eni-open", "169.254.170.2:80", ""},
		{"eni-b", "169.254.170.2:80", ""}, {"eni-b", "169.254.169.254:80", ""},
		{"host-1", "169.254.170.2:80", ""}, {"host-1", "169.254.169.254:80", ""},
	}
	w.all(nobody)
	if c, err := w.dial(silence, "job-1", "169.254.170.2:80"); err == nil {
		c.Close()
		w.t.Error("an isolated namespace is told credentials")
	}
	w.alive(asking)
	w.apply(informed(false))
	w.dead(asking)
	w.all(append(nobody, step{"eni-told", "169.254.170.2:80", ""}, step{"eni-told", "169.254.169.254:80", ""}))
	w.apply(informed(true))
	w.enter("eni-told", "169.254.170.2:80", known)
}

// Who gets an address asks for itself, and not as the one that had it.
func testMetadataReuse(_ *testing.T, w *world) {
	known := caller.Origin{Place: caller.Metadata, VPC: "vpc-a", Subnet: "subnet-1a", Interface: "eni-told"}
	w.apply(informed(true))
	w.enter("eni-told", "169.254.170.2:80", known)
	n := informed(true)
	n.Interfaces[0].ID, known.Interface = "eni-heir", "eni-heir"
	w.apply(n)
	w.enter("eni-heir", "169.254.170.2:80", known)
	n = informed(true)
	n.Interfaces[0].ID, n.Interfaces[0].Metadata = "eni-poor", false
	w.apply(n)
	w.silent("eni-poor", "169.254.170.2:80")
}
