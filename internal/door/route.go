package door

import (
	"context"
	"slices"
	"strings"

	"cloister/internal/engine/sigv4"
	"cloister/internal/engine/wire"
	"cloister/internal/frame/api"
	"cloister/internal/value/caller"
	"cloister/internal/value/catalogue"
	"cloister/internal/value/fault"
	shapes "cloister/internal/value/model"
)

var (
	unknownHost = fault.Kind{Code: "UnknownOperationException", Status: 404}
	tooLarge    = fault.Kind{Code: "RequestEntityTooLargeException", Status: 413}
	badBody     = fault.Kind{Code: "IncompleteBody", Status: 400}
)

// maxForm bounds the body that is read before authentication, which query protocols need: the name
// of the operation stands in it.
const maxForm = 1 << 20

// route finds out which operation is called, from the host and the headers (and for the query
// protocols the form).
func (d *Door) route(ctx context.Context, x *exchange) error {
	r := x.request
	x.original = sigv4.Request{Method: r.Method, Host: r.Host, Path: r.Path, RawQuery: r.RawQuery, Header: r.Header}
	var refused *sigv4.Error
	x.claim, refused = sigv4.Parse(&x.original)
	to, err := d.called(x)
	if err != nil {
		return err
	}
	row := to.row
	x.Region, x.service = to.region, d.services[place{to.region, row.ID}]
	if row.Unserved != nil {
		return d.elsewhere(ctx, x, row, refused)
	}
	if x.service == nil {
		return unknownHost.New("%s is not served here.", r.Host)
	}
	x.host = sigv4.Scope{Region: x.Region, Service: x.service.Model.SigningName}
	if row.Global || hostname(r.Host) == "sts.amazonaws.com" {
		x.host.Region = "us-east-1"
	}
	if err := d.belongs(x, row); err != nil {
		return err
	}
	if refused != nil && !x.service.Model.Registry() {
		return refused.Fault(x.family())
	}
	if p := x.service.Model.Protocol; p == "query" || p == "ec2" {
		leave, err := d.room(ctx, x, x.from(), maxForm)
		if err != nil {
			return err
		}
		defer leave()
		if err := buffered(r, maxForm); err != nil {
			return err
		}
	}
	mo, err := wire.Route(x.service.Model, r)
	if err != nil {
		return err
	}
	op := x.service.Operations[mo.Name]
	if op == nil {
		return wire.Unknown(x.service.Model, mo.Name)
	}
	x.Call.Operation = op
	return nil
}

// called is what a host stands for.
type called struct {
	row    *catalogue.Service
	region string
}

// called finds the service and the region that the host stands for. A host that is none of AWS's names
// (the loopback door) leaves it to the signature's scope and the form of the request.
func (d *Door) called(x *exchange) (called, error) {
	host := hostname(x.request.Host)
	if to, ok := d.hosts[host]; ok {
		return to, nil
	}
	for _, region := range d.regions {
		row, label, ok := catalogue.ByHost(region, host)
		if !ok {
			continue
		}
		x.named(row, label)
		return called{row, region}, nil
	}
	if x.Caller.Origin.Place == caller.Endpoint || strings.HasSuffix(host, ".amazonaws.com") {
		return called{}, unknownHost.New("%s is not served here.", host)
	}
	row, err := d.claimed(x)
	region := d.Region
	if slices.Contains(d.Others, x.claim.Region) && err == nil && !row.Global {
		region = x.claim.Region
	}
	return called{row, region}, err
}

// claimed finds the service that a signature's scope names.
func (d *Door) claimed(x *exchange) (*catalogue.Service, error) {
	var found []*api.Service
	for at, s := range d.services {
		if at.region == d.Region && s.Model.SigningName == x.claim.Service {
			found = append(found, s)
		}
	}
	target := first(x.request.Header, "X-Amz-Target")
	for _, s := range found {
		if len(found) == 1 || (s.Model.Protocol == "json") == (target != "") {
			row, ok := catalogue.ByID(s.Model.ID)
			if ok {
				return row, nil
			}
		}
	}
	for i := range catalogue.Services {
		if row := &catalogue.Services[i]; len(found) == 0 && row.Unserved != nil && row.Unserved.SigningName(row.ID) == x.claim.Service {
			return row, nil
		}
	}
	return nil, unknownHost.New("%s names no service, and neither does the signature of the request.", hostname(x.request.Host))
}

// named puts what stands before a service's own name in a host where the paths of its operations have it: the
// bucket of S3, and whose registry it is.
func (x *exchange) named(row *catalogue.Service, label string) {
	if label == "" || row.Unserved != nil {
		return
	}
	if row.Star {
		x.bucket, x.original.Bucket = label, label
	}
	x.request.Path = "/" + label + x.request.Path
}

// names is what the host names that have no wildcard stand for. Those without a region are the first one's.
func names(regions []string) map[string]called {
	out := map[string]called{}
	for at, region := range regions {
		for i := range catalogue.Services {
			row := &catalogue.Services[i]
			for _, h := range row.Hosts {
				if !strings.HasPrefix(h, "*") && (at == 0 || catalogue.Regional(h)) {
					out[catalogue.In(region, h)] = called{row, region}
				}
			}
		}
	}
	return out
}

// hostname is the name in a Host header as the catalogue spells it. The header itself stays as it
// was sent, for it is signed.
func hostname(host string) string {
	if h, _, ok := strings.Cut(host, ":"); ok && !strings.Contains(host, "[") {
		host = h
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// family is the kind of front end in whose words the signature verifier speaks.
func (x *exchange) family() string {
	if m := x.service.Model; m.Protocol != "rest-xml" || m.Objects() {
		return m.Protocol
	}
	return "query" // but for the path, services of REST and XML are of that family
}

func buffered(r *wire.Request, limit int64) error {
	whole, err := buffer(r, limit)
	if err != nil {
		return badBody.New("The request body ended early.")
	}
	if !whole {
		return tooLarge.New("The request body is longer than %d bytes.", limit)
	}
	return nil
}

func first(h map[string][]string, key string) string {
	if v := h[key]; len(v) > 0 {
		return v[0]
	}
	return ""
}

func model(x *exchange) *shapes.Service {
	if x.service == nil {
		return nil // whom nobody serves is answered in a form of no service
	}
	return x.service.Model
}

func operation(x *exchange) *shapes.Operation {
	if x.Call.Operation == nil {
		return nil
	}
	return x.Call.Operation.Model
}
