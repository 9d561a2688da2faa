package door

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"cloister/internal/engine/policy"
	"cloister/internal/engine/sigv4"
	"cloister/internal/engine/wire"
	"cloister/internal/frame/api"
	"cloister/internal/value/caller"
	"cloister/internal/value/catalogue"
	"cloister/internal/value/fault"
	shapes "cloister/internal/value/model"
)

// A service that is not ours may have an upstream: an address that the operator names. A call to it
// passes the same stages as any other: the caller is proven, and the endpoint's and the caller's
// policies are asked about the action. Its resource is not known here, so a Deny for any resource
// denies, and only an Allow for all allows. Then the request goes on as it came.

var (
	notServedHere = fault.Kind{Code: "NotImplementedException", Status: 501}
	ambiguous     = fault.Kind{Code: "ValidationException", Status: 400}
	noUpstream    = fault.Kind{Code: "ServiceUnavailableException", Status: 503}
)

// upstreamTime bounds a call to an upstream.
const upstreamTime = 60 * time.Second

// elsewhere routes a call to a service that is not ours: to its upstream, or to a 501.
func (d *Door) elsewhere(ctx context.Context, x *exchange, row *catalogue.Service, refused *sigv4.Error) error {
	u := row.Unserved
	m := &shapes.Service{ID: row.ID, Protocol: u.Protocol, JSONVersion: "1.1", SigningName: u.SigningName(row.ID)}
	if m.Protocol == "" {
		m.Protocol = "rest-json"
	}
	x.service = &api.Service{Model: m}
	x.host = sigv4.Scope{Region: x.Region, Service: m.SigningName}
	if err := d.belongs(x, row); err != nil {
		return err
	}
	to := d.Upstreams[row.ID]
	switch {
	case u.Protocol == "":
		return notServedHere.New("%s is not served by this Cloister, and cannot be handed on: what is behind it is no API with signed calls.", row.ID)
	case to == nil:
		return notServedHere.New("%s is not served by this Cloister. To hand its calls on, name an upstream in the configuration: services: {%s: https://…}", row.ID, row.ID)
	case refused != nil:
		return refused.Fault(x.family())
	}
	leave, err := d.room(ctx, x, x.from(), d.MaxBody)
	if err != nil {
		return err
	}
	defer leave()
	if err := buffered(x.request, d.MaxBody); err != nil {
		return err
	}
	name, err := named(x.request, u.Names)
	if err != nil {
		return err
	}
	action := u.Action(row.ID, name)
	x.Call.Operation = &api.Operation{
		Model: &shapes.Operation{Service: m, Name: name, Method: x.request.Method, Status: http.StatusOK},
		Checks: func(*api.Call, any) []api.Check {
			return []api.Check{{Action: action, Resource: policy.UnknownResource}}
		},
		Run: func(ctx context.Context, _ *api.Call, _ any) (any, error) { return d.forward(ctx, x, to) },
	}
	return nil
}

// belongs refuses a call that came through the endpoint of another service.
func (d *Door) belongs(x *exchange, row *catalogue.Service) error {
	if o := &x.Caller.Origin; o.Place == caller.Endpoint && o.Service != row.EndpointName(x.Region) {
		return x.denied("The VPC endpoint " + o.EndpointID + " serves " + o.Service + " and not " + row.ID + " in " + x.Region + ".")
	}
	return nil
}

var (
	actionForm = regexp.MustCompile(`^[A-Za-z0-9]{1,128}$`)
	rpcPath    = regexp.MustCompile(`^/service/[A-Za-z0-9_.]+/operation/([A-Za-z0-9]+)$`)
)

// named finds the action of a call. What names two is refused: the upstream might do the other one.
func named(r *wire.Request, by catalogue.Naming) (string, error) {
	switch by {
	case catalogue.ByMethod:
		return r.Method, nil
	case catalogue.Invoking:
		return "Invoke", nil
	case catalogue.Nowhere:
		return "UnnamedAction", nil
	}
	var all []string
	for _, t := range r.Header["X-Amz-Target"] {
		all = append(all, t[strings.LastIndexByte(t, '.')+1:])
	}
	if m := rpcPath.FindStringSubmatch(r.Path); m != nil {
		all = append(all, m[1])
	}
	for _, text := range []string{r.RawQuery, form(r, by)} {
		if v, err := url.ParseQuery(text); err != nil {
			return "", ambiguous.New("The form of the request cannot be read.")
		} else if by == catalogue.ByForm {
			all = append(all, v["Action"]...)
		}
	}
	if len(all) != 1 || !actionForm.MatchString(all[0]) {
		return "", ambiguous.New("The request must name exactly one action.")
	}
	return all[0], nil
}

// form is the body where it is one. Of a service that names actions so it always is: an upstream may read
// it whatever its header says.
func form(r *wire.Request, by catalogue.Naming) string {
	if by == catalogue.ByForm || strings.HasPrefix(strings.ToLower(first(r.Header, "Content-Type")), "application/x-www-form-urlencoded") {
		return string(r.Bytes)
	}
	return ""
}

// ours are headers that end at this hop, or that the upstream is to believe.
var ours = []string{"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "Te", "Trailer",
	"Transfer-Encoding", "Upgrade", "Expect", "X-Cloister-Principal", "X-Cloister-Vpc", "X-Cloister-Vpce", "X-Cloister-Source"}

// forward hands a request to its upstream, under the name that was called, and says who called.
func (d *Door) forward(ctx context.Context, x *exchange, to *url.URL) (*wire.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, upstreamTime)
	at := *to
	at.RawPath, at.RawQuery = strings.TrimSuffix(to.EscapedPath(), "/")+x.request.Path, x.request.RawQuery // exactly as it was signed
	path, err := url.PathUnescape(at.RawPath)
	if err != nil {
		cancel()
		return nil, ambiguous.New("The path of the request cannot be read.")
	}
	at.Path = path
	r, err := http.NewRequestWithContext(ctx, x.request.Method, to.String(), bytes.NewReader(x.request.Bytes))
	if err != nil {
		cancel()
		return nil, fmt.Errorf("call upstream of %s: %w", x.service.Model.ID, err)
	}
	r.URL, r.Host, r.Header = &at, x.request.Host, x.request.Header.Clone()
	for _, name := range ours {
		r.Header.Del(name)
	}
	o := &x.Caller.Origin
	for name, value := range map[string]string{"X-Cloister-Principal": x.Caller.Identity.ARN, "X-Cloister-Vpc": o.VPC, "X-Cloister-Vpce": o.EndpointID, "X-Cloister-Source": o.Source.String()} {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	got, err := d.upstream.RoundTrip(r)
	if err != nil {
		cancel()
		d.log.Warn("upstream does not answer", "service", x.service.Model.ID, "error", err)
		return nil, noUpstream.New("The upstream of %s does not answer (the setting services: {%s: …} says where it is).", x.service.Model.ID, x.service.Model.ID)
	}
	for _, name := range ours[:10] {
		got.Header.Del(name)
	}
	return &wire.Response{Status: got.StatusCode, Header: got.Header, Body: &ending{got.Body, cancel}, Length: got.ContentLength}, nil
}

// ending is a body whose context ends with it.
type ending struct {
	io.ReadCloser
	end context.CancelFunc
}

// Close ends the call.
func (e *ending) Close() error {
	defer e.end()
	return e.ReadCloser.Close()
}
