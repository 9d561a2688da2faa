package linux

import (
	"fmt"
	"net/netip"

	"cloister/internal/engine/reach"
)

// Credentials are asked for at two addresses of the router's own, on a socket for each. Who asks is told by
// link and source address, as for endpoints; only the links of interfaces that are to be told get that far,
// and the entrance looks once more.
const (
	setMetadata  = "metadata"  // the addresses
	setInformed  = "informed"  // who is told, by link and address
	setAskers    = "ask_flows" // how many connections each has
	metadataPort = 80
	// askersEach is how many connections to the two addresses a link may have at a time.
	askersEach = 16
)

var metadataAddresses = []netip.Addr{reach.ContainerMetadata, reach.InstanceMetadata}

// informs says whether anybody in the VPC is told credentials.
func (p *parts) informs() bool {
	for _, i := range p.interfaces {
		if i.Metadata {
			return true
		}
	}
	return false
}

// informing lets the connections of those who are told reach the router, whatever their groups say, and
// nobody else's.
func informing(r *ruleset, p *parts, links map[string]string) []rule {
	if !p.informs() {
		return nil
	}
	addresses, informed := r.set(setMetadata, setAddress), r.set(setInformed, setBound)
	r.set(setAskers, setCounted)
	for _, a := range metadataAddresses {
		addresses[addressKey(a)] = ""
	}
	for _, i := range p.interfaces {
		if link := links[i.ID]; i.Metadata && i.Own() && !i.NAT && !i.Open && link != "" {
			informed[boundKey(link, i.Address)] = ""
		}
	}
	return []rule{
		new(line).fresh().member(false, setMetadata).protocol(reach.TCP).
			counted(setAskers, fmt.Sprintf("ct over %d", askersEach), connections(askersEach)).drop(),
		new(line).member(false, setMetadata).protocol(reach.TCP).port(metadataPort, metadataPort).beyond(true, setInformed).accept(),
		new(line).member(false, setMetadata).drop(),
	}
}

// inform opens the sockets at the two addresses, or closes them. They do not share a wildcard's, as customers'
// load balancers may have listeners on the same port.
func (r *router) inform(e *entrance, wanted bool) error {
	if !wanted {
		for _, l := range r.metadata {
			l.close()
		}
		r.metadata = nil
		return nil
	}
	for n := len(r.metadata); n < len(metadataAddresses); n++ {
		l, err := e.listen(int(r.file.Fd()), r.vpc, netip.AddrPortFrom(metadataAddresses[n], metadataPort).String())
		if err != nil {
			return err
		}
		r.metadata = append(r.metadata, l)
	}
	return nil
}
