package door

import (
	"io"
	"net/http"

	"cloister/internal/engine/policy"
	"cloister/internal/engine/wire"
	"cloister/internal/frame/api"
	"cloister/internal/frame/directory"
	"cloister/internal/value/caller"
	shapes "cloister/internal/value/model"
)

// Handle is one request of a connection, for the benchmark.
var Handle = (*Door).handle

// Incoming is a body of a length, negative when it is not known.
func Incoming(from io.Reader, length int64) io.Reader { return &incoming{from: from, left: length} }

// Context is what a decision about one check would see; header is nil for a call without a wire.
func Context(d *Door, as caller.Caller, service string, header http.Header, k api.Check) *policy.Context {
	x := d.exchange()
	x.service, x.Caller = &api.Service{Model: &shapes.Service{ID: service}}, as
	if header != nil {
		x.request, x.UserAgent = &wire.Request{Header: header}, first(header, "User-Agent")
	}
	_, facts := d.Directory.Stack(&x.Caller, &directory.Question{Action: k.Action, Resource: k.Resource, Account: k.Account})
	b := new(subject)
	b.begin(x, &k, k.Resource, facts)
	return &b.context
}
