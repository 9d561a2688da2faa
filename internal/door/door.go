// Package door is the only way in: every call, by whatever wire or from inside, passes its stages.
//
// It promises that no operation runs before its caller is known, its input is what the model says
// and every check it asks has been allowed; that what goes wrong inside is never shown; and that
// each call leaves one record. It must not know what any operation does.
package door

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"cloister/internal/engine/sigv4"
	"cloister/internal/engine/wire"
	"cloister/internal/frame/api"
	"cloister/internal/frame/audit"
	"cloister/internal/frame/directory"
	"cloister/internal/value/caller"
	"cloister/internal/value/fault"
)

// Config is what a Door needs.
type Config struct {
	// Region is the first one: of calls from inside that name none, and of names without a region.
	Region string
	// Others are the other regions that are served.
	Others    []string
	Directory *directory.Directory
	Audit     *audit.Log
	Log       *slog.Logger
	Clock     func() time.Time
	// MaxBody bounds what is buffered of a request that is no stream.
	MaxBody int64
	// IdleTimeout is how long a connection may carry nothing; zero is the constant.
	IdleTimeout time.Duration
	// Upstreams are where calls to services that are not ours go on to, by their rows' ids.
	Upstreams map[string]*url.URL
}

// Door is safe for concurrent use once Open was called.
type Door struct {
	Config
	regions  []string
	services map[place]*api.Service
	hosts    map[string]called // the names without a wildcard, which most calls use
	verifier *sigv4.Verifier
	bodies   *space // unproven
	kept     *space // proven
	unsent   *space // unread
	turns    turns
	log      *slog.Logger
	counts   counters
	upstream http.RoundTripper
}

// New makes a door without services; Open adds them.
func New(c Config) *Door {
	if c.MaxBody == 0 {
		c.MaxBody = 28 << 20 // a part of a layer (20 MiB) as JSON has it; InvokeEndpoint's 25 MB need less
	}
	if c.IdleTimeout == 0 {
		c.IdleTimeout = IdleTimeout
	}
	regions := append([]string{c.Region}, c.Others...)
	return &Door{
		Config: c, regions: regions, services: map[place]*api.Service{}, hosts: names(regions), verifier: sigv4.NewVerifier(1024),
		bodies: newSpace(unproven), kept: newSpace(proven), unsent: newSpace(unread), log: c.Log,
		upstream: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 16, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: false},
	}
}

// place is a service in a region.
type place struct{ region, service string }

// Open lets calls to these services in, which are the same in every region. It is to be called before the
// first Serve or Call.
func (d *Door) Open(services ...*api.Service) {
	for _, r := range d.regions {
		d.OpenIn(r, services...)
	}
}

// OpenIn is Open for the services of one region.
func (d *Door) OpenIn(region string, services ...*api.Service) {
	for _, s := range services {
		d.services[place{region, s.Model.ID}] = s
	}
}

// exchange is one request on its way through the stages.
type exchange struct {
	api.Call
	service  *api.Service
	request  *wire.Request
	host     sigv4.Scope // what the host that was called stands for
	bucket   string      // S3's virtual-hosted bucket
	claim    sigv4.Claim
	original sigv4.Request // what was signed
	output   any
	response *wire.Response
	leave    func()           // gives back the room that the body has; nil for none
	entry    *audit.Entry     // stands alone, for it outlives the exchange and its body
	bearer   *caller.Identity // whom the token of a call that came unsigned names
}

// stage is one step; an error ends the exchange.
type stage struct {
	name string
	do   func(*Door, context.Context, *exchange) error
}

// The order is data. Everything that costs memory or time in proportion to the body comes after
// the claim was looked at, and decoding after the caller is proven.
var (
	byWire = []stage{
		{"route", (*Door).route}, {"authenticate", (*Door).authenticate}, {"decode", (*Door).decode},
		{"authorise", (*Door).authorise}, {"run", (*Door).run}, {"encode", (*Door).encode},
	}
	fromInside = []stage{{"validate", (*Door).validate}, {"authorise", (*Door).authorise}, {"run", (*Door).run}}
)

func (d *Door) pass(ctx context.Context, x *exchange, stages []stage) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	for _, s := range stages {
		if err := s.do(d, ctx, x); err != nil {
			return err
		}
	}
	return nil
}

// exchange begins one.
func (d *Door) exchange() *exchange {
	x := &exchange{entry: new(audit.Entry)}
	x.ID, x.Time, x.Region, x.Secure = newID(), d.Clock(), d.Region, true
	return x
}

// answer takes a request through the stages and dresses what came of it.
func (d *Door) answer(ctx context.Context, from caller.Origin, r *wire.Request) *wire.Response {
	x := d.exchange()
	x.request, x.Caller.Origin = r, from
	x.UserAgent = strings.Clone(first(r.Header, "User-Agent")) // the record must not keep the whole head alive
	defer d.record(x)
	defer func() {
		if x.leave != nil {
			x.leave()
		}
	}()
	err := d.pass(ctx, x, byWire)
	if err != nil {
		x.response = wire.EncodeFault(model(x), operation(x), d.shown(x, err), x.ID)
	}
	x.entry.Status = x.response.Status
	d.lay(x, x.response)
	return x.response
}

// Call is api.Client: the same checks and record for a caller that is given.
func (d *Door) Call(ctx context.Context, as caller.Caller, service, name string, in any) (any, error) {
	return d.call(ctx, d.Region, as, service, name, in)
}

// In is the api.Client whose calls are of a region.
func (d *Door) In(region string) api.Client { return inside{d, region} }

type inside struct {
	door   *Door
	region string
}

func (i inside) Call(ctx context.Context, as caller.Caller, service, name string, in any) (any, error) {
	return i.door.call(ctx, i.region, as, service, name, in)
}

func (d *Door) call(ctx context.Context, region string, as caller.Caller, service, name string, in any) (any, error) {
	x := d.exchange()
	x.Region, x.service, x.Caller, x.Input = region, d.services[place{region, service}], as, in
	if x.service == nil || x.service.Operations[name] == nil {
		return nil, fmt.Errorf("no operation %s.%s", service, name)
	}
	x.Call.Operation = x.service.Operations[name]
	if first, ok := ctx.Value(again{}).(*exchange); ok && first.Call.Operation == x.Call.Operation {
		x.ID, x.entry, first.bearer = first.ID, first.entry, &x.Caller.Identity // one call, one record
	} else {
		defer d.record(x)
	}
	if err := d.pass(ctx, x, fromInside); err != nil {
		f := d.shown(x, err)
		if f.Code == fault.Internal.Code {
			return nil, err
		}
		return nil, f
	}
	x.entry.Status = x.Call.Operation.Model.Status
	return x.output, nil
}

// shown turns an error into what the customer sees, and remembers it for the record.
func (d *Door) shown(x *exchange, err error) *fault.Fault {
	f, ok := fault.As(err)
	var refused *sigv4.Error // of a body that was checked while the operation read it
	switch {
	case ok:
	case errors.As(err, &refused):
		f = refused.Fault(x.family())
	default:
		d.log.Error("call failed inside", "request_id", x.ID, "operation", x.name(), "error", err)
		f = fault.Internal.New("We encountered an internal error. Please try again.")
	}
	x.entry.Code, x.entry.Message, x.entry.Status = f.Code, f.Message, f.Status
	return f
}

func (x *exchange) name() string {
	if x.service == nil {
		return ""
	}
	if x.Call.Operation == nil {
		return x.service.Model.ID
	}
	return x.service.Model.ID + "." + x.Call.Operation.Model.Name
}

// record leaves the one line that every call leaves.
func (d *Door) record(x *exchange) {
	e := x.entry
	e.RequestID, e.Time, e.UserAgent, e.Caller = x.ID, x.Time, x.UserAgent, x.Caller
	if x.bearer != nil {
		e.Identity = *x.bearer
	}
	if x.service != nil {
		e.Service, e.Source, e.Region = x.service.Model.ID, x.service.Model.SigningName, x.asked()
	}
	if x.Call.Operation != nil {
		e.Operation = x.Call.Operation.Model.Name
	}
	e.Duration = d.Clock().Sub(x.Time)
	d.counts.add(e)
	d.Audit.Add(e)
}
