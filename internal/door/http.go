package door

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"cloister/internal/engine/wire"
	"cloister/internal/value/caller"
)

// prefetch is how much of a body is read before authentication; the rest stays in the stream.
const prefetch = 64 << 10

// idleTimeout is what AWS's endpoints have (facts privatelink 10).
const idleTimeout = 350 * time.Second

// Serve answers the connections of a listener until ctx is done. Connections that know their Origin
// (a fabric.Conn) carry it; all others are callers from the internet.
func (d *Door) Serve(ctx context.Context, l net.Listener, certificates *tls.Config) error {
	s := &fasthttp.Server{
		Handler:                            d.handle,
		ErrorHandler:                       badRequest,
		StreamRequestBody:                  true,
		MaxRequestBodySize:                 prefetch,
		ReadBufferSize:                     32 << 10, // bounds the header
		IdleTimeout:                        idleTimeout,
		ReadTimeout:                        5 * time.Minute,
		NoDefaultServerHeader:              true,
		NoDefaultContentType:               true,
		DisablePreParseMultipartForm:       true,
		SecureErrorLogMessage:              true,
		CloseOnShutdown:                    true,
		SleepWhenConcurrencyLimitsExceeded: 50 * time.Millisecond,
		Logger:                             quiet{d.log},
	}
	stop := context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if err := s.ShutdownWithContext(grace); err != nil {
			d.log.Warn("connections cut at shutdown", "error", err)
		}
	})
	defer stop()
	err := s.Serve(tls.NewListener(l, certificates))
	if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// handle is one request between fasthttp's form and ours.
func (d *Door) handle(ctx *fasthttp.RequestCtx) {
	r := request(ctx)
	w := d.answer(ctx, origin(ctx.Conn()), r)
	reply(ctx, w)
}

func request(ctx *fasthttp.RequestCtx) *wire.Request {
	h := &ctx.Request.Header
	path, query, _ := strings.Cut(string(h.RequestURI()), "?")
	r := &wire.Request{
		Method: string(h.Method()), Host: strings.ToLower(string(h.Host())), Path: path, RawQuery: query,
		Header: make(http.Header, h.Len()), Length: int64(h.ContentLength()),
	}
	for k, v := range h.All() {
		key := string(k)
		r.Header[key] = append(r.Header[key], string(v))
	}
	if s := ctx.RequestBodyStream(); s != nil {
		r.Body = s
	} else {
		r.Bytes = ctx.Request.Body()
	}
	if r.Length < 0 {
		r.Length = -1
	}
	return r
}

func reply(ctx *fasthttp.RequestCtx, w *wire.Response) {
	ctx.SetStatusCode(w.Status)
	h := &ctx.Response.Header
	h.DisableNormalizing() // S3's metadata keys keep their case
	for k, vs := range w.Header {
		if k == "Content-Length" && len(vs) == 1 {
			if n, err := strconv.Atoi(vs[0]); err == nil {
				h.SetContentLength(n)
			}
			continue
		}
		for i, v := range vs {
			if i == 0 {
				h.Set(k, v)
			} else {
				h.Add(k, v)
			}
		}
	}
	if w.Body != nil {
		ctx.SetBodyStream(w.Body, int(w.Length))
		return
	}
	if ctx.IsHead() {
		ctx.Response.SkipBody = true
		return
	}
	ctx.SetBody(w.Bytes)
}

// origin reads the path a connection took; what does not know is from the internet.
func origin(c net.Conn) caller.Origin {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	if k, ok := c.(interface{ Origin() caller.Origin }); ok {
		return k.Origin()
	}
	o := caller.Origin{Place: caller.Internet}
	if a, err := netip.ParseAddrPort(c.RemoteAddr().String()); err == nil {
		o.Source = a.Addr().Unmap()
	}
	if a, err := netip.ParseAddrPort(c.LocalAddr().String()); err == nil {
		o.Target = a
	}
	return o
}

// badRequest answers what is not HTTP at all; no protocol can dress it.
func badRequest(ctx *fasthttp.RequestCtx, err error) {
	ctx.Response.Reset()
	status := fasthttp.StatusBadRequest
	var small *fasthttp.ErrSmallBuffer
	if errors.As(err, &small) {
		status = fasthttp.StatusRequestHeaderFieldsTooLarge
	}
	ctx.SetStatusCode(status)
	ctx.SetConnectionClose()
}

// buffer reads the rest of a body into r.Bytes; false when it is longer than limit.
func buffer(r *wire.Request, limit int64) (bool, error) {
	if r.Body == nil {
		return int64(len(r.Bytes)) <= limit, nil
	}
	if r.Length > limit {
		return false, nil
	}
	b, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	r.Bytes, r.Body = b, nil
	return int64(len(b)) <= limit, err
}

// quiet hands fasthttp's complaints to the debug log: they are about clients, not about us.
type quiet struct{ log *slog.Logger }

func (q quiet) Printf(format string, args ...any) { q.log.Debug("http", "event", format, "args", args) }
