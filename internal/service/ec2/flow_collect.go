package ec2

import (
	"net/netip"
	"sync"
	"time"

	"cloister/internal/engine/flowlog"
	"cloister/internal/value/catalogue"
	"cloister/internal/value/network"
)

// flowLimit is how many different flows are kept in one window; what goes beyond is said to be skipped.
const flowLimit = 200_000

// collector gathers what the fabric tells of flows until it is delivered. What it holds is lost when
// the process ends: a window then has no line.
type collector struct {
	mu      sync.Mutex
	since   time.Time
	flows   map[flowKey]*network.Flow
	skipped map[string]bool // VPCs
	known   map[string]*eni // that were planned in this window, some of which are gone by its end
}

type flowKey struct {
	vpc, refuser   string
	protocol       int
	source, target netip.AddrPort
	accepted       bool
}

// Flow is network.Observer's; it takes a lock for a moment and no more.
func (c *collector) Flow(f network.Flow) {
	k := flowKey{f.VPC, f.Refuser, f.Protocol, f.Source, f.Target, f.Accepted}
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.flows[k]
	switch {
	case old != nil:
		for way := range 2 {
			old.Packets[way] += f.Packets[way]
			old.Bytes[way] += f.Bytes[way]
		}
		if f.End.After(old.End) {
			old.End = f.End
		}
	case len(c.flows) >= flowLimit:
		if c.skipped == nil {
			c.skipped = map[string]bool{}
		}
		c.skipped[f.VPC] = true
	default:
		if c.flows == nil {
			c.flows = map[flowKey]*network.Flow{}
		}
		c.flows[k] = &f
	}
}

// know remembers who there was: what an interface saw is delivered also when it is gone by then.
func (c *collector) know(all []*eni) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil {
		c.known = map[string]*eni{}
	}
	for _, i := range all {
		c.known[i.ID] = i
	}
}

// window is what was gathered in a time.
type window struct {
	start, end time.Time
	flows      map[string][]*network.Flow // by VPC
	skipped    map[string]bool
	known      map[string]*eni
	heirs      map[string]time.Time // since when another has an interface's address
}

// take ends a window and begins the next.
func (c *collector) take(now time.Time) *window {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := &window{start: c.since, end: now, flows: map[string][]*network.Flow{}, skipped: c.skipped, known: c.known}
	for _, f := range c.flows {
		w.flows[f.VPC] = append(w.flows[f.VPC], f)
	}
	c.since, c.flows, c.skipped, c.known = now, nil, nil, nil
	return w
}

// had says whether an interface had its address at a time; of no time it had.
func (w *window) had(i *eni, at time.Time) bool {
	heir := w.heirs[i.ID]
	return at.IsZero() || !at.Before(i.Created) && (heir.IsZero() || at.Before(heir))
}

// viewer tells the flows of a window as the interfaces saw them.
type viewer struct {
	region string
	vpcs   map[string]*vpc
	zones  map[string]string // zone ids, by subnet
	public map[netip.Addr]netip.Addr
}

// seen gives the records of one interface. An accepted flow has one each way, a refused one none or one:
// whose sender let it out has an accepted one, and who refused it a refused one.
func (v *viewer) seen(i *eni, w *window) (out []*flowlog.Record) {
	for _, f := range w.flows[i.VPC] {
		source, target := v.private(f.Source), v.private(f.Target)
		sent, got := source.Addr() == i.Address, target.Addr() == i.Address
		if !sent && !got || !w.had(i, f.Start) {
			continue
		}
		if !f.Accepted {
			refused := f.Refuser == i.ID || f.Refuser == ""
			if sent || refused {
				out = append(out, v.record(i, w, f, 0, sent, !refused))
			}
			continue
		}
		for way := range 2 {
			if f.Packets[way] > 0 {
				out = append(out, v.record(i, w, f, way, sent == (way == 0), true))
			}
		}
	}
	return out
}

// private gives the address that an interface has itself for its elastic one.
func (v *viewer) private(a netip.AddrPort) netip.AddrPort {
	if p, ok := v.public[a.Addr()]; ok {
		return netip.AddrPortFrom(p, a.Port())
	}
	return a
}

func (v *viewer) record(i *eni, w *window, f *network.Flow, way int, egress, accepted bool) *flowlog.Record {
	r := v.blank(i, w)
	from, to := f.Source, f.Target
	if way == 1 {
		from, to = to, from
	}
	r.Source, r.Target, r.PacketSource, r.PacketTarget = v.private(from), v.private(to), from.Addr(), to.Addr()
	r.Protocol, r.Packets, r.Bytes, r.Accepted, r.Egress = f.Protocol, f.Packets[way], f.Bytes[way], accepted, egress
	if s := f.Start.Unix(); s > r.Start && s <= r.End {
		r.Start = s
	}
	if e := f.End.Unix(); e >= r.Start && e < r.End {
		r.End = e
	}
	r.SourceService, r.TargetService = serviceOf(from.Addr()), serviceOf(to.Addr())
	switch vpc := v.vpcs[i.VPC]; {
	case vpc != nil && to.Addr().Is4() && vpc.holds(netip.PrefixFrom(to.Addr(), 32)):
		r.Path = 1
	case r.TargetService != "":
		r.Path = 7
	}
	return r
}

// blank is a record of an interface and a window alone.
func (v *viewer) blank(i *eni, w *window) *flowlog.Record {
	return &flowlog.Record{Account: i.Account, Interface: i.ID, VPC: i.VPC, Subnet: i.Subnet, Region: v.region, ZoneID: v.zones[i.Subnet],
		Start: w.start.Unix(), End: w.end.Unix()}
}

// serviceOf names the service whose ranges an address is in, as flow logs do.
func serviceOf(a netip.Addr) string {
	for i := range catalogue.Services {
		for _, p := range append([]netip.Prefix{catalogue.Services[i].Elsewhere}, catalogue.Services[i].Prefixes...) {
			if p.Contains(a) {
				return map[string]string{"s3": "S3", "dynamodb": "DYNAMODB"}[catalogue.Services[i].ID]
			}
		}
	}
	return ""
}
