package route53

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/caller"
	"cloister/internal/value/fault"
	"cloister/internal/value/network"
	shape "cloister/internal/value/shape/route53"
)

const account = "111122223333"

// world is a network of two VPCs, in the first of which an endpoint has taken over a name; the third
// knows no private names.
type world struct {
	*Service
	t *testing.T
}

func (w *world) Change(ctx context.Context, f func(*store.Tx) error) error {
	return w.DB.Update(ctx, f)
}

func (w *world) VPC(_ *store.Tx, region, of, id string) (bool, bool, error) {
	return region == w.Region && of == account && slices.Contains([]string{"vpc-1", "vpc-2", "vpc-3"}, id), id != "vpc-3", nil
}

func (w *world) PrivateNames(_ *store.Tx, _, _, vpc string) (map[string]string, error) {
	if vpc == "vpc-1" {
		return map[string]string{"sts.us-east-1.amazonaws.com": "ZHIDDEN", "*.execute-api.us-east-1.amazonaws.com": "ZHIDDEN2"}, nil
	}
	return nil, nil
}

func (w *world) EndpointZone(id string) bool { return id == "ZVPCE" }

func open(t *testing.T) *world {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "records"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	w := &world{&Service{DB: db, Region: "us-east-1"}, t}
	w.Network = w
	return w
}

func as(account string) *api.Call {
	return &api.Call{Region: "us-east-1", Caller: caller.Caller{Identity: caller.Identity{Kind: caller.User, Account: account}}}
}

func vpc(id string) *shape.VPC { return &shape.VPC{VPCId: &id, VPCRegion: new("us-east-1")} }

// zone makes one, and gives its id.
func (w *world) zone(name, in string) string {
	w.t.Helper()
	out, err := w.createHostedZone(w.t.Context(), as(account), &shape.CreateHostedZoneRequest{Name: &name, VPC: vpc(in), CallerReference: new(name + in)})
	if err != nil {
		w.t.Fatal(err)
	}
	return bare(*out.HostedZone.Id)
}

// set is a record set in words: NAME TYPE VALUE..., or NAME TYPE @ZONE TARGET for an alias.
func set(words string) *shape.ResourceRecordSet {
	f := strings.Fields(words)
	out := &shape.ResourceRecordSet{Name: &f[0], Type: &f[1]}
	if zone, ok := strings.CutPrefix(f[2], "@"); ok {
		out.AliasTarget = &shape.AliasTarget{HostedZoneId: &zone, DNSName: &f[3], EvaluateTargetHealth: new(false)}
		return out
	}
	out.TTL = new(int64(300))
	for _, v := range f[2:] {
		out.ResourceRecords = append(out.ResourceRecords, shape.ResourceRecord{Value: &v})
	}
	return out
}

// change makes a batch of lines: ACTION and a set.
func (w *world) change(zone string, lines ...string) error {
	in := &shape.ChangeResourceRecordSetsRequest{HostedZoneId: &zone, ChangeBatch: &shape.ChangeBatch{}}
	for _, l := range lines {
		action, words, _ := strings.Cut(l, " ")
		in.ChangeBatch.Changes = append(in.ChangeBatch.Changes, shape.Change{Action: &action, ResourceRecordSet: set(words)})
	}
	_, err := w.changeResourceRecordSets(w.t.Context(), as(account), in)
	return err
}

// list is a zone's record sets in words.
func (w *world) list(zone string) (out []string) {
	w.t.Helper()
	l, err := w.listResourceRecordSets(w.t.Context(), as(account), &shape.ListResourceRecordSetsRequest{HostedZoneId: &zone})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, r := range l.ResourceRecordSets {
		line := *r.Name + " " + *r.Type
		for _, v := range r.ResourceRecords {
			line += " " + *v.Value
		}
		if *r.Type != "NS" && *r.Type != "SOA" {
			out = append(out, line)
		}
	}
	return out
}

// refused demands a fault by its code and a part of its message.
func refused(t *testing.T, err error, code, part string) {
	t.Helper()
	f, ok := fault.As(err)
	if !ok || f.Code != code || !strings.Contains(f.Message, part) {
		t.Errorf("%v, not %s: %s", err, code, part)
	}
}

func TestHostedZones(t *testing.T) {
	w := open(t)
	id := w.zone("Corp.Test", "vpc-1")
	create := func(name, ref string, v *shape.VPC) error {
		_, err := w.createHostedZone(t.Context(), as(account), &shape.CreateHostedZoneRequest{Name: &name, VPC: v, CallerReference: &ref})
		return err
	}
	refused(t, create("other.test", "Corp.Testvpc-1", vpc("vpc-1")), "HostedZoneAlreadyExists", "caller reference")
	refused(t, create("CORP.test.", "2", vpc("vpc-1")), "ConflictingDomainExists", "The VPC vpc-1 in region us-east-1 has already been associated with the hosted zone "+id)
	refused(t, create("sts.us-east-1.amazonaws.com", "2", vpc("vpc-1")), "ConflictingDomainExists", "ZHIDDEN with the same domain name.")
	refused(t, create("execute-api.us-east-1.amazonaws.com", "2", vpc("vpc-1")), "ConflictingDomainExists", "")
	refused(t, create("a.test", "2", vpc("vpc-9")), "InvalidVPCId", "vpc-9")
	refused(t, create("a.test", "2", &shape.VPC{VPCId: new("vpc-1"), VPCRegion: new("eu-west-1")}), "InvalidVPCId", "vpc-1")
	refused(t, create("a.test", "2", nil), "InvalidInput", "Public hosted zones are not supported by Cloister")
	refused(t, create("a..test", "2", vpc("vpc-1")), "InvalidDomainName", "")
	refused(t, create("*.test", "2", vpc("vpc-1")), "InvalidDomainName", "")

	got, err := w.getHostedZone(t.Context(), as(account), &shape.GetHostedZoneRequest{Id: new("/hostedzone/" + id)})
	if err != nil || *got.HostedZone.Name != "corp.test." || len(got.VPCs) != 1 || *got.HostedZone.ResourceRecordSetCount != 2 || !*got.HostedZone.Config.PrivateZone {
		t.Errorf("%+v %v", got, err)
	}
	_, err = w.getHostedZone(t.Context(), as("444455556666"), &shape.GetHostedZoneRequest{Id: &id})
	refused(t, err, "NoSuchHostedZone", id)

	_, err = w.disassociateVPC(t.Context(), as(account), &shape.DisassociateVPCFromHostedZoneRequest{HostedZoneId: &id, VPC: vpc("vpc-1")})
	refused(t, err, "LastVPCAssociation", "")
	associate := func(in string) error {
		_, err := w.associateVPC(t.Context(), as(account), &shape.AssociateVPCWithHostedZoneRequest{HostedZoneId: &id, VPC: vpc(in)})
		return err
	}
	if err := associate("vpc-2"); err != nil {
		t.Fatal(err)
	}
	refused(t, associate("vpc-2"), "ConflictingDomainExists", "")
	refused(t, associate("vpc-9"), "InvalidVPCId", "")
	if _, err := w.disassociateVPC(t.Context(), as(account), &shape.DisassociateVPCFromHostedZoneRequest{HostedZoneId: &id, VPC: vpc("vpc-1")}); err != nil {
		t.Fatal(err)
	}
	_, err = w.disassociateVPC(t.Context(), as(account), &shape.DisassociateVPCFromHostedZoneRequest{HostedZoneId: &id, VPC: vpc("vpc-1")})
	refused(t, err, "VPCAssociationNotFound", "vpc-1")

	other := w.zone("a.test", "vpc-2")
	byVPC, err := w.listHostedZonesByVPC(t.Context(), as(account), &shape.ListHostedZonesByVPCRequest{VPCId: new("vpc-2"), VPCRegion: new("us-east-1"), MaxItems: new("1")})
	if err != nil || len(byVPC.HostedZoneSummaries) != 1 || byVPC.NextToken == nil {
		t.Errorf("%+v %v", byVPC, err)
	}
	byName, err := w.listHostedZonesByName(t.Context(), as(account), &shape.ListHostedZonesByNameRequest{MaxItems: new("1")})
	if err != nil || *byName.HostedZones[0].Name != "a.test." || *byName.NextDNSName != "corp.test." || *byName.NextHostedZoneId != id {
		t.Errorf("%+v %v", byName, err)
	}
	byName, err = w.listHostedZonesByName(t.Context(), as(account), &shape.ListHostedZonesByNameRequest{DNSName: byName.NextDNSName, HostedZoneId: byName.NextHostedZoneId})
	if err != nil || len(byName.HostedZones) != 1 || *byName.IsTruncated {
		t.Errorf("%+v %v", byName, err)
	}
	first, err := w.listHostedZones(t.Context(), as(account), &shape.ListHostedZonesRequest{MaxItems: new("1")})
	if err != nil || !*first.IsTruncated {
		t.Fatalf("%+v %v", first, err)
	}
	second, err := w.listHostedZones(t.Context(), as(account), &shape.ListHostedZonesRequest{Marker: first.NextMarker})
	if err != nil || len(second.HostedZones) != 1 || *second.IsTruncated {
		t.Errorf("%+v %v", second, err)
	}
	deleted, err := w.deleteHostedZone(t.Context(), as(account), &shape.DeleteHostedZoneRequest{Id: &other})
	if err != nil {
		t.Fatal(err)
	}
	if c, err := w.getChange(t.Context(), as(account), &shape.GetChangeRequest{Id: deleted.ChangeInfo.Id}); err != nil || *c.ChangeInfo.Status != "INSYNC" {
		t.Errorf("%+v %v", c, err)
	}
	_, err = w.getChange(t.Context(), as("444455556666"), &shape.GetChangeRequest{Id: deleted.ChangeInfo.Id})
	refused(t, err, "NoSuchChange", "")
	_, err = w.deleteHostedZone(t.Context(), as(account), &shape.DeleteHostedZoneRequest{Id: &other})
	refused(t, err, "NoSuchHostedZone", other)
}

func TestRecordSets(t *testing.T) {
	w := open(t)
	id := w.zone("corp.test", "vpc-1")
	must := func(lines ...string) {
		t.Helper()
		if err := w.change(id, lines...); err != nil {
			t.Fatal(err)
		}
	}
	must("CREATE www.corp.test A 10.0.0.1 10.0.0.2", "CREATE Alias.corp.test CNAME www.corp.test", `UPSERT t.corp.test TXT "one" "two"`, `CREATE \052.w.corp.test A 10.0.0.3`,
		"CREATE corp.test A @"+id+" www.corp.test", "CREATE ep.corp.test A @ZVPCE vpce-1.sts.us-east-1.vpce.amazonaws.com")
	want := []string{"corp.test. A", "alias.corp.test. CNAME www.corp.test", "ep.corp.test. A", `t.corp.test. TXT "one" "two"`, `\052.w.corp.test. A 10.0.0.3`, "www.corp.test. A 10.0.0.1 10.0.0.2"}
	if got := w.list(id); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	for _, c := range []struct{ line, code, part string }{
		{"CREATE www.corp.test A 10.0.0.1", "InvalidChangeBatch", "[Tried to create resource record set [name='www.corp.test.', type='A'] but it already exists]"},
		{"DELETE no.corp.test A 10.0.0.1", "InvalidChangeBatch", "[Tried to delete resource record set [name='no.corp.test.', type='A'] but it was not found]"},
		{"DELETE www.corp.test A 10.0.0.1", "InvalidChangeBatch", "but the values provided do not match the current values"},
		{"CREATE www.other.test A 10.0.0.1", "InvalidChangeBatch", "RRSet with DNS name www.other.test. is not permitted in zone corp.test."},
		{"CREATE evilcorp.test A 10.0.0.1", "InvalidChangeBatch", "is not permitted in zone"},
		{"CREATE www.corp.test CNAME a.test", "InvalidChangeBatch", "as it conflicts with other records"},
		{"CREATE alias.corp.test A 10.0.0.1", "InvalidChangeBatch", "because a conflicting RRSet of type CNAME"},
		{"CREATE corp.test CNAME a.test", "InvalidChangeBatch", "is not permitted at apex"},
		{"CREATE x.corp.test A 10.0.0.256", "InvalidChangeBatch", "not a valid IPv4 address"},
		{"CREATE x.corp.test AAAA 10.0.0.2", "InvalidChangeBatch", "not a valid IPv6 address"},
		{"CREATE x.corp.test TXT plain", "InvalidChangeBatch", "enclosed in quotation marks"},
		{"CREATE x.corp.test A 10.0.0.2 10.0.0.2", "InvalidChangeBatch", "Duplicate Resource Record: '10.0.0.2'"},
		{"CREATE x.corp.test CNAME a.test b.test", "InvalidChangeBatch", "more than one"},
		{"CREATE a..corp.test A 10.0.0.2", "InvalidChangeBatch", "DomainLabelInvalid"},
		{"CREATE x.corp.test A @" + id + " no.corp.test", "InvalidChangeBatch", "but that target was not found"},
		{"CREATE x.corp.test A @" + id + " no.other.test", "InvalidChangeBatch", "does not lie within the target zone"},
		{"CREATE x.corp.test A @ZOTHER vpce-1.sts.us-east-1.vpce.amazonaws.com", "InvalidChangeBatch", "does not lie within the target zone"},
		{"CREATE x.corp.test A @Z35SXDOTRQ7X7K my.us-east-1.elb.amazonaws.com", "InvalidInput", "not supported by Cloister"},
		{"CREATE x.corp.test CNAME @" + id + " www.corp.test", "InvalidChangeBatch", "An alias of type CNAME"},
		{"CREATE x.corp.test MX 10", "InvalidInput", "Records of type MX are not supported"},
		{"DELETE corp.test SOA x", "InvalidChangeBatch", "exactly one SOA"},
		{"DELETE corp.test NS x", "InvalidChangeBatch", "at least one NS"},
		{"UPSERT corp.test NS x", "InvalidInput", "cannot be changed"},
		{"CREATE sub.corp.test NS x", "InvalidInput", "delegates nothing"},
	} {
		refused(t, w.change(id, c.line), c.code, c.part)
	}
	// A batch that has one mistake does nothing, and tells all mistakes.
	err := w.change(id, "CREATE new.corp.test A 10.0.0.9", "DELETE no.corp.test A 10.0.0.1", "CREATE www.corp.test A 10.0.0.1")
	refused(t, err, "InvalidChangeBatch", "but it was not found, Tried to create")
	if got := w.list(id); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	_, err = w.deleteHostedZone(t.Context(), as(account), &shape.DeleteHostedZoneRequest{Id: &id})
	refused(t, err, "HostedZoneNotEmpty", "")
	must("DELETE www.corp.test A 10.0.0.2 10.0.0.1", "CREATE www.corp.test CNAME elsewhere.test", "DELETE t.corp.test TXT \"one\" \"two\"")
	page, err := w.listResourceRecordSets(t.Context(), as(account), &shape.ListResourceRecordSetsRequest{HostedZoneId: &id, StartRecordName: new("ep.corp.test"), MaxItems: new("1")})
	if err != nil || *page.ResourceRecordSets[0].Name != "ep.corp.test." || *page.NextRecordName != `\052.w.corp.test.` {
		t.Errorf("%+v %v", page, err)
	}
	weighted := set("w.corp.test A 10.0.0.1")
	weighted.SetIdentifier = new("one")
	_, err = w.changeResourceRecordSets(t.Context(), as(account), &shape.ChangeResourceRecordSetsRequest{HostedZoneId: &id,
		ChangeBatch: &shape.ChangeBatch{Changes: []shape.Change{{Action: new("CREATE"), ResourceRecordSet: weighted}}}})
	refused(t, err, "InvalidInput", "SetIdentifier is not supported")
}

func TestPart(t *testing.T) {
	w := open(t)
	id := w.zone("corp.test", "vpc-1")
	w.zone("corp.test", "vpc-3")
	if err := w.change(id, "CREATE www.corp.test A 10.0.0.1", "CREATE www.corp.test AAAA fd00::1", "CREATE c.corp.test CNAME WWW.corp.test", `CREATE t.corp.test TXT "one\"" "\164wo"`,
		"CREATE corp.test A @"+id+" www.corp.test", "CREATE twice.corp.test A @"+id+" corp.test", "CREATE ep.corp.test A @ZVPCE vpce-1.sts.us-east-1.vpce.amazonaws.com"); err != nil {
		t.Fatal(err)
	}
	n := &network.Network{VPCs: []network.VPC{{ID: "vpc-1"}, {ID: "vpc-2"}, {ID: "vpc-3"}}}
	n.Internet.Names = []network.Name{{Text: "vpce-1.sts.us-east-1.vpce.amazonaws.com", Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.7")}}}
	if err := w.DB.View(t.Context(), func(tx *store.Tx) error { return w.Part(tx, n) }); err != nil {
		t.Fatal(err)
	}
	if len(n.VPCs[1].Zones)+len(n.VPCs[2].Zones) > 0 || len(n.VPCs[0].Zones) != 1 {
		t.Fatalf("%+v", n.VPCs)
	}
	var got []string
	for _, x := range n.VPCs[0].Zones[0].Names {
		got = append(got, fmt.Sprint(x.Text, x.Addresses, x.TXT, x.CNAME, x.TTL))
	}
	want := []string{"corp.test[10.0.0.1][]60", "c.corp.test[][]www.corp.test300", "ep.corp.test[10.0.0.7][]60", `t.corp.test[][one"two]300`, "twice.corp.test[10.0.0.1][]60",
		"www.corp.test[10.0.0.1][]300", "www.corp.test[fd00::1][]300"}
	for i, line := range want {
		if i >= len(got) || strings.ReplaceAll(got[i], " ", "") != strings.ReplaceAll(line, " ", "") {
			t.Errorf("%q, not %q", got, want)
			break
		}
	}
	domains := func(vpc string) (out []string) {
		w.DB.View(t.Context(), func(tx *store.Tx) (err error) { out, err = w.Domains(tx, account, vpc); return err })
		return out
	}
	if !slices.Equal(domains("vpc-1"), []string{"corp.test"}) || domains("vpc-2") != nil {
		t.Errorf("%v %v", domains("vpc-1"), domains("vpc-2"))
	}
}

func TestTags(t *testing.T) {
	w := open(t)
	id := w.zone("corp.test", "vpc-1")
	change := func(kind, id string, remove []string, add ...shape.Tag) error {
		_, err := w.changeTags(t.Context(), as(account), &shape.ChangeTagsForResourceRequest{ResourceType: &kind, ResourceId: &id, AddTags: add, RemoveTagKeys: remove})
		return err
	}
	if err := change("hostedzone", id, nil, shape.Tag{Key: new("b"), Value: new("1")}, shape.Tag{Key: new("a"), Value: new("2")}); err != nil {
		t.Fatal(err)
	}
	if err := change("hostedzone", id, []string{"b", "none"}); err != nil {
		t.Fatal(err)
	}
	out, err := w.listTagsOfMany(t.Context(), as(account), &shape.ListTagsForResourcesRequest{ResourceType: new("hostedzone"), ResourceIds: []string{id}})
	if err != nil || len(out.ResourceTagSets) != 1 || len(out.ResourceTagSets[0].Tags) != 1 || *out.ResourceTagSets[0].Tags[0].Value != "2" {
		t.Errorf("%+v %v", out, err)
	}
	refused(t, change("hostedzone", "ZNONE", nil), "NoSuchHostedZone", "ZNONE")
	refused(t, change("healthcheck", id, nil), "NoSuchHealthCheck", "")
}

func TestConcurrentBatches(t *testing.T) {
	w := open(t)
	id := w.zone("corp.test", "vpc-1")
	var done sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for i := range 8 {
		done.Go(func() {
			if err := w.change(id, "CREATE one.corp.test A 10.0.0.1", fmt.Sprintf("CREATE n%d.corp.test A 10.0.0.%d", i, i)); err == nil {
				mu.Lock()
				won++
				mu.Unlock()
			}
		})
	}
	done.Wait()
	if got := w.list(id); won != 1 || len(got) != 2 {
		t.Errorf("%d batches were made: %q", won, got)
	}
}

func TestChecks(t *testing.T) {
	zone := "/hostedzone/Z1"
	checks := changeChecks(nil, &shape.ChangeResourceRecordSetsRequest{HostedZoneId: &zone,
		ChangeBatch: &shape.ChangeBatch{Changes: []shape.Change{{Action: new("CREATE"), ResourceRecordSet: set("*.Corp.test A 10.0.0.1")}}}})
	if len(checks) != 1 || checks[0].Action != "route53:ChangeResourceRecordSets" || checks[0].Resource != "arn:aws:route53:::hostedzone/Z1" {
		t.Errorf("%+v", checks)
	}
	for _, k := range checks[0].Keys {
		if want := map[string]string{"Names": `\052.corp.test`, "Types": "A", "tions": "CREATE"}[k.Name[len(k.Name)-5:]]; !k.Multi || k.Values[0] != want {
			t.Errorf("%+v, not %q", k, want)
		}
	}
	bound, err := new(Service).Bind()
	if err != nil || len(bound.Operations) != 17 {
		t.Errorf("%d operations, %v", len(bound.Operations), err)
	}
}

func TestNamesAndTexts(t *testing.T) {
	for in, want := range map[string]string{"A.b": "a.b.", "a.b.": "a.b.", `\052.a.b`: "*.a.b.", "_x.a.b": "_x.a.b.", "": "", "a b": "", "a.*.b": "", "é.b": "", `a\`: "", `a\999.b`: "", strings.Repeat("a", 64) + ".b": ""} {
		if got, ok := normal(in); got != want && ok || ok != (want != "") {
			t.Errorf("%q is %q %v", in, got, ok)
		}
	}
	for in, want := range map[string]string{`"a"`: "a", `"a" "b"`: "ab", `"a""b"`: "ab", `""`: "", `"a\"b\\c"`: `a"b\c`, `"\101"`: "A"} {
		if got, ok := texts(in); got != want || !ok {
			t.Errorf("%s is %q %v", in, got, ok)
		}
	}
	for _, in := range []string{"", "a", `"a`, `"a" b`, `"a\`, `"` + strings.Repeat("x", 256) + `"`} {
		if got, ok := texts(in); ok {
			t.Errorf("%q is text %q", in, got)
		}
	}
}

// The strings of one TXT value are answered as one (differences.md, 50).
func TestTheStringsOfATextAreOne(t *testing.T) {
	n := network.Name{}
	(&record{Type: "TXT", Values: []string{`"one" "two"`, `"three"`}}).fill(&n)
	if !slices.Equal(n.TXT, []string{"onetwo", "three"}) {
		t.Errorf("%q", n.TXT)
	}
}
