package main

import (
	"fmt"
	"slices"
	"strings"

	"cloister/internal/value/catalogue"
	"cloister/internal/value/network"
)

// ownZone is a private hosted zone.
type ownZone struct {
	id, apex string
	vpcs     []string
	names    []network.Name
	aliases  map[string]string // endpoints' ids by the names that stand for them
}

// targets are the endpoints that a zone's records stand for.
func (z *ownZone) targets() (ids []string) {
	for _, id := range z.aliases {
		ids = append(ids, id)
	}
	return ids
}

// buildZones makes a zone of names of one's own, and one that has the very name of a service, as those
// have who share one VPC's endpoint with others.
func (e *estate) buildZones() {
	for _, p := range e.endpoints {
		if p.gateway || p.row.ID == "s3" {
			continue
		}
		host, z := catalogue.In(e.conf.Region, p.row.Hosts[0]), &ownZone{aliases: map[string]string{}}
		for _, v := range e.n.VPCs {
			free := !slices.ContainsFunc(e.endpoints, func(o *ownEndpoint) bool { return o.vpc == v.ID && o.row == p.row && o.private }) &&
				!slices.ContainsFunc(e.zones, func(o *ownZone) bool { return o.apex == host && slices.Contains(o.vpcs, v.ID) })
			if free && e.half() {
				z.vpcs = append(z.vpcs, v.ID)
			}
		}
		if z.apex, z.aliases[host] = host, p.id; len(z.vpcs) > 0 {
			e.makeZone(z)
		}
		own := &ownZone{apex: p.id + ".test", vpcs: []string{one(e.Rand, e.n.VPCs...).ID}, aliases: map[string]string{"to." + p.id + ".test": p.id}}
		for name, to := range map[string]string{"alias.": "to." + own.apex, "chain.": "alias." + own.apex, "public.": host, "*.": p.names[0].Text, "nowhere.": "none." + host} {
			own.names = append(own.names, network.Name{Text: name + own.apex, CNAME: to})
		}
		if e.IntN(3) == 0 {
			e.makeZone(own)
		}
	}
}

func (e *estate) makeZone(z *ownZone) {
	vpc := func(id string) string {
		return "<VPC><VPCRegion>us-east-1</VPCRegion><VPCId>" + id + "</VPCId></VPC>"
	}
	const ns = ` xmlns="https://route53.amazonaws.com/doc/2013-04-01/">`
	made := e.send("route53", "POST", "/2013-04-01/hostedzone", "<CreateHostedZoneRequest"+ns+"<Name>"+z.apex+"</Name>"+vpc(z.vpcs[0])+
		"<CallerReference>"+fmt.Sprint(e.Uint64())+"</CallerReference></CreateHostedZoneRequest>", "CreateHostedZone "+z.apex+" for "+strings.Join(z.vpcs, " "))
	z.id = strings.TrimPrefix(made.one("Id"), "/hostedzone/")
	for _, id := range z.vpcs[1:] {
		e.send("route53", "POST", "/2013-04-01/hostedzone/"+z.id+"/associatevpc", "<AssociateVPCWithHostedZoneRequest"+ns+vpc(id)+"</AssociateVPCWithHostedZoneRequest>", "AssociateVPCWithHostedZone "+id)
	}
	record := func(name, kind, rest string) string {
		return "<Change><Action>CREATE</Action><ResourceRecordSet><Name>" + name + "</Name><Type>" + kind + "</Type>" + rest + "</ResourceRecordSet></Change>"
	}
	changes, said := "", ""
	for name, id := range z.aliases {
		p := e.endpoints[slices.IndexFunc(e.endpoints, func(p *ownEndpoint) bool { return p.id == id })]
		changes += record(name, "A", "<AliasTarget><HostedZoneId>Z7HUB22UULQXV</HostedZoneId><DNSName>"+p.names[0].Text+"</DNSName><EvaluateTargetHealth>false</EvaluateTargetHealth></AliasTarget>")
		said += " " + name + " for " + id
	}
	for _, n := range z.names {
		changes += record(n.Text, "CNAME", "<TTL>60</TTL><ResourceRecords><ResourceRecord><Value>"+n.CNAME+"</Value></ResourceRecord></ResourceRecords>")
		said += " " + n.Text + " for " + n.CNAME
	}
	e.send("route53", "POST", "/2013-04-01/hostedzone/"+z.id+"/rrset", "<ChangeResourceRecordSetsRequest"+ns+"<ChangeBatch><Changes>"+changes+"</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>", "ChangeResourceRecordSets"+said)
	e.zones = append(e.zones, z)
}
