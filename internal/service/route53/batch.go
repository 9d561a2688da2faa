package route53

import (
	"fmt"
	"strings"

	"cloister/internal/machine/store"
	"cloister/internal/value/fault"
	shape "cloister/internal/value/shape/route53"
)

// batch is a change of record sets on its way: what is wrong with it is gathered, all of it.
type batch struct {
	service  *Service
	tx       *store.Tx
	zone     *zone
	problems []string
}

// read makes a record of what a change says. What is not supported is a fault of its own; what is
// wrong goes to the problems.
func (b *batch) read(c *shape.Change) (*record, error) {
	in := c.ResourceRecordSet
	if err := supported(in); err != nil {
		return nil, err
	}
	name, ok := normal(*in.Name)
	if !ok {
		b.wrong("FATAL problem: DomainLabelInvalid (Domain label is not valid) encountered with '%s'", *in.Name)
		return nil, nil
	}
	if name != b.zone.Name && !strings.HasSuffix(name, "."+b.zone.Name) {
		b.wrong("RRSet with DNS name %s is not permitted in zone %s", escaped(name), b.zone.Name)
		return nil, nil
	}
	r := &record{Zone: b.zone.ID, Name: name, Type: *in.Type}
	set := in.TTL != nil && len(in.ResourceRecords) > 0
	if (in.AliasTarget != nil) == set || in.AliasTarget != nil && (in.TTL != nil || len(in.ResourceRecords) > 0) {
		found := "none"
		if in.AliasTarget != nil {
			found = "more than one"
		}
		return nil, invalidInput.New("Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId], but found %s in Change with [Action=%s, Name=%s, Type=%s, SetIdentifier=null]",
			found, *c.Action, escaped(name), r.Type)
	}
	if in.AliasTarget != nil {
		return r, b.readAlias(r, in.AliasTarget)
	}
	r.TTL = *in.TTL
	seen := map[string]bool{}
	for _, v := range in.ResourceRecords {
		switch why := valid(r.Type, *v.Value); {
		case why != "":
			b.problems = append(b.problems, why)
		case seen[*v.Value]:
			b.wrong("Duplicate Resource Record: '%s'", *v.Value)
		}
		seen[*v.Value] = true
		r.Values = append(r.Values, *v.Value)
	}
	if r.Type == "CNAME" && len(r.Values) > 1 {
		b.wrong("RRSet of type CNAME with DNS name %s has more than one resource record", escaped(name))
	}
	return r, nil
}

// supported refuses what would be kept and not answered.
func supported(in *shape.ResourceRecordSet) error {
	for member, set := range map[string]bool{
		"SetIdentifier": in.SetIdentifier != nil, "Weight": in.Weight != nil, "Region": in.Region != nil, "GeoLocation": in.GeoLocation != nil,
		"Failover": in.Failover != nil, "MultiValueAnswer": in.MultiValueAnswer != nil, "HealthCheckId": in.HealthCheckId != nil,
		"TrafficPolicyInstanceId": in.TrafficPolicyInstanceId != nil, "CidrRoutingConfig": in.CidrRoutingConfig != nil,
		"GeoProximityLocation": in.GeoProximityLocation != nil,
	} {
		if set {
			return invalidInput.New("%s is not supported by Cloister: only simple routing is.", member)
		}
	}
	switch *in.Type {
	case "A", "AAAA", "CNAME", "TXT", "NS", "SOA":
		return nil
	}
	return invalidInput.New("Records of type %s are not supported by Cloister: A, AAAA, CNAME and TXT are.", *in.Type)
}

func (b *batch) readAlias(r *record, in *shape.AliasTarget) error {
	name, ok := normal(*in.DNSName)
	r.Alias = &alias{Zone: bare(*in.HostedZoneId), Name: name, Evaluate: in.EvaluateTargetHealth != nil && *in.EvaluateTargetHealth}
	inside := name == b.zone.Name || strings.HasSuffix(name, "."+b.zone.Name)
	endpoint := strings.HasSuffix(name, ".vpce.amazonaws.com.")
	outside := func() {
		b.wrong("Tried to create an alias that targets %s, type %s in zone %s, but the alias target name does not lie within the target zone", escaped(name), r.Type, r.Alias.Zone)
	}
	switch {
	case !ok:
		b.wrong("FATAL problem: DomainLabelInvalid (Domain label is not valid) encountered with '%s'", *in.DNSName)
	case r.Type != "A" && r.Type != "AAAA" && (endpoint || r.Type != "TXT"):
		b.wrong("Invalid Resource Record: An alias of type %s is not permitted", r.Type)
	case r.Alias.Zone == b.zone.ID && !inside, endpoint && !b.service.Network.EndpointZone(r.Alias.Zone):
		outside()
	case r.Alias.Zone != b.zone.ID && !endpoint:
		return invalidInput.New("Aliases to %s in zone %s are not supported by Cloister: records of the same zone and names of VPC endpoints are.", escaped(name), r.Alias.Zone)
	}
	return nil
}

func (b *batch) wrong(format string, args ...any) {
	b.problems = append(b.problems, fmt.Sprintf(format, args...))
}

// apply makes one change in the transaction, in which the ones before it can be seen.
func (b *batch) apply(action string, r *record) error {
	old, err := records.Get(b.tx, r.key())
	if err != nil {
		return err
	}
	if r.Type == "NS" || r.Type == "SOA" {
		return b.own(action, r, old)
	}
	if action == "DELETE" {
		switch {
		case old == nil:
			b.wrong("Tried to delete resource record set [name='%s', type='%s'] but it was not found", escaped(r.Name), r.Type)
			return nil
		case !old.same(r):
			b.wrong("Tried to delete resource record set [name='%s', type='%s'] but the values provided do not match the current values", escaped(r.Name), r.Type)
			return nil
		}
		b.zone.Count--
		return records.Delete(b.tx, r.key())
	}
	if action == "CREATE" && old != nil {
		b.wrong("Tried to create resource record set [name='%s', type='%s'] but it already exists", escaped(r.Name), r.Type)
		return nil
	}
	if err := b.fits(r); err != nil {
		return err
	}
	if old == nil {
		b.zone.Count++
	}
	return records.Put(b.tx, r.key(), r)
}

// own judges changes of the record sets that a zone must have, which stay as they are.
func (b *batch) own(action string, r, old *record) error {
	switch {
	case r.Name != b.zone.Name:
		return invalidInput.New("Records of type %s below the zone itself are not supported by Cloister: a private zone delegates nothing.", r.Type)
	case action == "DELETE" && r.Type == "SOA":
		b.wrong("A HostedZone must contain exactly one SOA record.")
	case action == "DELETE":
		b.wrong("A HostedZone must contain at least one NS record for the zone itself.")
	case action == "CREATE":
		b.wrong("Tried to create resource record set [name='%s', type='%s'] but it already exists", escaped(r.Name), r.Type)
	case old == nil || !old.same(r):
		return invalidInput.New("The %s record of a zone cannot be changed in Cloister: its resolvers answer with AWS's own.", r.Type)
	}
	return nil
}

// fits says whether a record set may stand beside the others of its name.
func (b *batch) fits(r *record) error {
	if r.Type == "CNAME" && r.Name == b.zone.Name {
		b.wrong("RRSet of type CNAME with DNS name %s is not permitted at apex in zone %s", escaped(r.Name), b.zone.Name)
		return nil
	}
	all, err := records.All(b.tx, strings.TrimSuffix(recordKey(b.zone.ID, r.Name, "?"), "?"))
	if err != nil {
		return err
	}
	for _, other := range all {
		switch {
		case other.Type == r.Type:
		case r.Type == "CNAME":
			b.wrong("RRSet of type CNAME with DNS name %s is not permitted as it conflicts with other records with the same DNS name in zone %s", escaped(r.Name), b.zone.Name)
			return nil
		case other.Type == "CNAME":
			b.wrong("RRSet of type %s with DNS name %s is not permitted because a conflicting RRSet of type CNAME with the same DNS name already exists in zone %s", r.Type, escaped(r.Name), b.zone.Name)
			return nil
		}
	}
	return nil
}

// targets checks, at the end of a batch, that aliases to records of the zone have one.
func (b *batch) targets(made []*record) error {
	for _, r := range made {
		if r.Alias == nil || r.Alias.Zone != b.zone.ID {
			continue
		}
		if t, err := records.Get(b.tx, recordKey(b.zone.ID, r.Alias.Name, r.Type)); err != nil {
			return err
		} else if t == nil {
			b.wrong("Tried to create an alias that targets %s, type %s in zone %s, but that target was not found", escaped(r.Alias.Name), r.Type, b.zone.ID)
		}
	}
	return nil
}

// verdict is the fault of all that is wrong, nil when nothing is.
func (b *batch) verdict() *fault.Fault {
	if len(b.problems) == 0 {
		return nil
	}
	return invalidBatch.New("%s", "["+strings.Join(b.problems, ", ")+"]")
}
