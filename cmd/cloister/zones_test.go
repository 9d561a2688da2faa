package main

import (
	"fmt"
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

// alias is the name in a zone that stands for an endpoint, and which.
func (z *ownZone) alias() (name, id string) {
	for name, id = range z.aliases {
	}
	return name, id
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
			if e.free(v.ID, host) && e.half() {
				z.vpcs = append(z.vpcs, v.ID)
			}
		}
		if z.apex, z.aliases[host] = host, p.id; len(z.vpcs) > 0 {
			e.makeZone(z)
		}
		own := &ownZone{apex: p.id + ".test", vpcs: []string{one(e.Rand, e.n.VPCs...).ID}, aliases: map[string]string{"to." + p.id + ".test": p.id}}
		for name, to := range map[string]string{"alias.": "to." + own.apex, "chain.": "alias." + own.apex, "public.": host, "*.": p.regional, "nowhere.": "none." + host} {
			own.names = append(own.names, network.Name{Text: name + own.apex, CNAME: to})
		}
		if e.IntN(3) == 0 {
			e.makeZone(own)
		}
	}
}

const namespace = ` xmlns="https://route53.amazonaws.com/doc/2013-04-01/">`

func vpcElement(id string) string {
	return "<VPC><VPCRegion>us-east-1</VPCRegion><VPCId>" + id + "</VPCId></VPC>"
}

func (e *estate) makeZone(z *ownZone) {
	made := e.send("route53", "POST", "/2013-04-01/hostedzone", "<CreateHostedZoneRequest"+namespace+"<Name>"+z.apex+"</Name>"+vpcElement(z.vpcs[0])+
		"<CallerReference>"+fmt.Sprint(e.Uint64())+"</CallerReference></CreateHostedZoneRequest>", "CreateHostedZone "+z.apex+" for "+strings.Join(z.vpcs, " "))
	z.id = strings.TrimPrefix(made.one("Id"), "/hostedzone/")
	for _, id := range z.vpcs[1:] {
		e.associate(z, id, "associatevpc", "AssociateVPCWithHostedZoneRequest")
	}
	name, id := z.alias()
	e.record(z, "CREATE", name, e.known(id))
	e.zones = append(e.zones, z)
}

func (e *estate) associate(z *ownZone, vpc, path, request string) {
	e.send("route53", "POST", "/2013-04-01/hostedzone/"+z.id+"/"+path, "<"+request+namespace+vpcElement(vpc)+"</"+request+">", request+" "+z.apex+" "+vpc)
}

// record makes or changes the alias of a zone, and with it, at first, all its other names.
func (e *estate) record(z *ownZone, action, name string, p *ownEndpoint) {
	set := func(name, kind, rest string) string {
		return "<Change><Action>" + action + "</Action><ResourceRecordSet><Name>" + name + "</Name><Type>" + kind + "</Type>" + rest + "</ResourceRecordSet></Change>"
	}
	changes := set(name, "A", "<AliasTarget><HostedZoneId>Z7HUB22UULQXV</HostedZoneId><DNSName>"+p.regional+"</DNSName><EvaluateTargetHealth>false</EvaluateTargetHealth></AliasTarget>")
	said := " " + name + " for " + p.id
	for _, n := range z.names {
		changes += set(n.Text, "CNAME", "<TTL>60</TTL><ResourceRecords><ResourceRecord><Value>"+n.CNAME+"</Value></ResourceRecord></ResourceRecords>")
		said += ", " + n.Text + " for " + n.CNAME
	}
	e.send("route53", "POST", "/2013-04-01/hostedzone/"+z.id+"/rrset", "<ChangeResourceRecordSetsRequest"+namespace+"<ChangeBatch><Changes>"+changes+"</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>", "ChangeResourceRecordSets"+said)
}
