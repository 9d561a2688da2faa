package ec2

import (
	"crypto/sha256"
	"encoding/base32"

	"cloister/internal/value/catalogue"
	shape "cloister/internal/value/shape/ec2"
)

// endpointNames gives the name an endpoint has in the whole region, and those it has in its zones.
func endpointNames(region string, e *endpoint) (regional string, zonal func(zone string) string) {
	service, ok := e.row(region)
	if !ok {
		return "", func(string) string { return "" }
	}
	base, own := service.Base(region), e.ID+"-"+e.Suffix
	if service.Star {
		own = "*." + own
	}
	return own + "." + base, func(zone string) string { return own + "-" + zone + "." + base }
}

// privateNames are the names that an endpoint takes over inside its VPC.
func privateNames(region string, e *endpoint) (out []string) {
	service, ok := e.row(region)
	if !ok {
		return nil
	}
	for _, h := range service.Private {
		out = append(out, catalogue.In(region, h))
	}
	return out
}

// dnsEntries are what Describe shows: the endpoint's own names and, with private DNS, the names it
// takes over; none while it has no interface. zones are those of its subnets.
func dnsEntries(region string, e *endpoint, zones []string) []shape.DnsEntry {
	out := []shape.DnsEntry{}
	if e.Gateway || len(zones) == 0 {
		return out
	}
	public := endpointZone(region)
	regional, zonal := endpointNames(region, e)
	out = append(out, shape.DnsEntry{DnsName: &regional, HostedZoneId: &public})
	for _, z := range zones {
		out = append(out, shape.DnsEntry{DnsName: new(zonal(z)), HostedZoneId: &public})
	}
	if e.PrivateDNS {
		for _, n := range privateNames(region, e) {
			out = append(out, shape.DnsEntry{DnsName: new(n), HostedZoneId: &e.Zone})
		}
	}
	return out
}

// endpointZone is the hosted zone of a region's vpce.amazonaws.com names; AWS's where it is known,
// else one that is always the same.
func endpointZone(region string) string {
	if z := endpointZones[region]; z != "" {
		return z
	}
	sum := sha256.Sum256([]byte("vpce " + region))
	return "Z" + base32.StdEncoding.EncodeToString(sum[:])[:13]
}

var endpointZones = map[string]string{
	"us-east-1": "Z7HUB22UULQXV", "us-east-2": "ZC8PG0KIFKBRI", "us-west-1": "Z12I86A8N7VCZO", "us-west-2": "Z1YSA3EXCYUU9Z",
	"eu-west-1": "Z38GZ743OKFT7T", "eu-west-3": "Z1DWHTMFP0WECP", "eu-central-1": "Z273ZU8SZ5RJPC",
	"eu-central-2": "Z045369019J4FUQ4S272E", "eu-north-1": "Z3OWWK6JFDEDGC", "eu-south-1": "Z2A5FDNRLY7KZG",
	"eu-south-2": "Z014396544HENR57XQCJ", "ca-central-1": "ZRCXCF510Y6P9", "sa-east-1": "Z2LXUWEVLCVZIB",
	"ap-south-1": "Z2KVTB3ZLFM7JR", "ap-south-2": "Z0952991RWSF5AHIQDIY", "ap-southeast-1": "Z18LLCSTV4NVNL",
	"ap-southeast-2": "ZDK2GCRPAFKGO", "ap-southeast-3": "Z03881013RZ9BYYZO8N5W", "ap-southeast-4": "Z07508191CO1RNBX3X3AU",
	"ap-northeast-3": "Z376B5OMM2JZL2", "me-south-1": "Z3B95P3VBGEQGY", "me-central-1": "Z07122992YCEUCB9A9570",
	"us-gov-east-1": "Z2MU5TEIGO9WXB", "us-gov-west-1": "Z12529ZODG2B6H",
}
