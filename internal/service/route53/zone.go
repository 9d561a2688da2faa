package route53

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/route53"
)

// zone is a private hosted zone.
type zone struct {
	ID, Account string
	Name        string // lower case, with its final dot
	Reference   string
	Comment     string `json:",omitempty"`
	VPCs        []string
	Regions     map[string]string `json:",omitempty"` // of VPCs that are not in the first region
	Tags        map[string]string `json:",omitempty"`
	Created     time.Time
	Count       int64 // of record sets, the two of the zone itself included
}

var zones = store.NewTable[zone]("route53.zone")

func putZone(tx *store.Tx, z *zone) error { return zones.Put(tx, store.Key(z.Account, z.ID), z) }

// findZone gives an account's zone, or the fault that says there is none.
func findZone(tx *store.Tx, account, id string) (*zone, error) {
	z, err := zones.Get(tx, store.Key(account, bare(id)))
	if err == nil && z == nil {
		err = noSuchZone.New("No hosted zone found with ID: %s", bare(id))
	}
	return z, err
}

func (z *zone) aws() *shape.HostedZone {
	out := &shape.HostedZone{Id: new("/hostedzone/" + z.ID), Name: new(escaped(z.Name)), CallerReference: &z.Reference,
		Config: &shape.HostedZoneConfig{PrivateZone: new(true)}, ResourceRecordSetCount: &z.Count}
	if z.Comment != "" {
		out.Config.Comment = &z.Comment
	}
	return out
}

func (s *Service) vpcs(z *zone) (out []shape.VPC) {
	for _, id := range z.VPCs {
		out = append(out, shape.VPC{VPCId: new(id), VPCRegion: new(s.region(z, id))})
	}
	return out
}

// region is where a zone's VPC is.
func (s *Service) region(z *zone, vpc string) string { return cmp.Or(z.Regions[vpc], s.Region) }

// join notes a VPC of a zone.
func (s *Service) join(z *zone, vpc *shape.VPC) {
	z.VPCs = append(z.VPCs, *vpc.VPCId)
	if r := text(vpc.VPCRegion); r != s.Region {
		if z.Regions == nil {
			z.Regions = map[string]string{}
		}
		z.Regions[*vpc.VPCId] = r
	}
}

func (c *change) aws() *shape.ChangeInfo {
	out := &shape.ChangeInfo{Id: new("/change/" + c.ID), Status: new("INSYNC"), SubmittedAt: new(time.UnixMilli(c.At).UTC())}
	if c.Comment != "" {
		out.Comment = &c.Comment
	}
	return out
}

// older is the older half of changes.
func older(all []*change) []*change {
	slices.SortFunc(all, func(a, b *change) int { return int(a.At - b.At) })
	return all[:len(all)/2]
}

// associable says why a VPC cannot be associated with a zone of this name.
func (s *Service) associable(tx *store.Tx, account string, vpc *shape.VPC, name string) error {
	id := text(vpc.VPCId)
	region := text(vpc.VPCRegion)
	if found, _, err := s.Network.VPC(tx, region, account, id); err != nil || !found {
		return either(err, invalidVPC.New("The VPC ID '%s' is not valid for this account.", id))
	}
	all, err := zones.All(tx, store.Prefix(account))
	if err != nil {
		return err
	}
	conflict := func(zone string) error {
		return conflictingDomain.New("The VPC %s in region %s has already been associated with the hosted zone %s with the same domain name.", id, region, zone)
	}
	for _, z := range all {
		if z.Name == name && slices.Contains(z.VPCs, id) {
			return conflict(z.ID)
		}
	}
	taken, err := s.Network.PrivateNames(tx, region, account, id)
	if err != nil {
		return err
	}
	for n, zone := range taken {
		if strings.TrimPrefix(n, "*.")+"." == name {
			return conflict(zone)
		}
	}
	return nil
}

func either(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// normal is a name as it is kept: lower case, with a final dot, and \052 written as what it means. It
// is not ok for what is no name.
func normal(name string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c == '\\' {
			if i+3 >= len(name) {
				return "", false
			}
			var code int
			if _, err := fmt.Sscanf(name[i+1:i+4], "%03o", &code); err != nil || code > 255 {
				return "", false
			}
			c, i = byte(code), i+3
			if c == '.' {
				return "", false
			}
		}
		if c <= ' ' || c >= 127 {
			return "", false
		}
		b.WriteByte(c)
	}
	out := strings.ToLower(strings.TrimSuffix(b.String(), ".")) + "."
	if len(out) > 255 {
		return "", false
	}
	for i, label := range strings.Split(strings.TrimSuffix(out, "."), ".") {
		if label == "" || len(label) > 63 || strings.Contains(label, "*") && (label != "*" || i > 0) {
			return "", false
		}
	}
	return out, true
}

// escaped is a name as Route 53 shows it: all but letters, digits, hyphens, underscores and dots in octal.
func escaped(name string) string {
	var b strings.Builder
	for i := range len(name) {
		if c := name[i]; c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, `\%03o`, c)
		}
	}
	return b.String()
}

// The names of the servers that every private zone of AWS shows; nobody asks them.
var nameServers = []string{"ns-1536.awsdns-00.co.uk.", "ns-0.awsdns-00.com.", "ns-1024.awsdns-00.org.", "ns-512.awsdns-00.net."}

const authority = "ns-1536.awsdns-00.co.uk. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400"

// Domains are the names of the zones that are associated with a VPC, without the final dot.
func (s *Service) Domains(tx *store.Tx, account, vpc string) (out []string, err error) {
	all, err := zones.All(tx.In(home), store.Prefix(account))
	for _, z := range all {
		if slices.Contains(z.VPCs, vpc) {
			out = append(out, strings.TrimSuffix(z.Name, "."))
		}
	}
	return out, err
}
