package door

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"cloister/internal/engine/wire"
	"cloister/internal/value/caller"
)

// prefetch is how much of a body is read before authentication; the rest stays in the stream.
const prefetch = 64 << 10

// IdleTimeout is what AWS's endpoints have (facts privatelink 10).
const IdleTimeout = 350 * time.Second

// grace is how long calls in hand may take when the door closes.
const grace = 5 * time.Second

// Serve answers the connections of a listener until ctx is done, and returns when the calls in hand
// are answered. Connections that know their Origin (a fabric.Conn) carry it; all others are callers
// from the internet.
func (d *Door) Serve(ctx context.Context, l net.Listener, certificates *tls.Config) error {
	// What an operation is given is no RequestCtx, which is used again while others may still hold it.
	work, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	s := &fasthttp.Server{
		Handler:                            func(c *fasthttp.RequestCtx) { d.handle(work, c) },
		ErrorHandler:                       badRequest,
		StreamRequestBody:                  true,
		MaxRequestBodySize:                 prefetch,
		ReadBufferSize:                     32 << 10, // bounds the header
		WriteBufferSize:                    64 << 10, // a large body goes in large pieces
		IdleTimeout:                        d.IdleTimeout,
		ReadTimeout:                        5 * time.Minute,
		NoDefaultServerHeader:              true,
		NoDefaultContentType:               true,
		DisablePreParseMultipartForm:       true,
		SecureErrorLogMessage:              true,
		CloseOnShutdown:                    true,
		SleepWhenConcurrencyLimitsExceeded: 50 * time.Millisecond,
		Logger:                             quiet{d.log},
	}
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(closed)
		patient, cancel := context.WithTimeout(work, grace)
		defer cancel()
		if err := s.ShutdownWithContext(patient); err != nil {
			d.log.Warn("connections cut at shutdown", "error", err)
		}
	})
	err := s.Serve(tls.NewListener(newFair(l), certificates))
	if !stop() {
		<-closed
	}
	if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// handle is one request between fasthttp's form and ours.
func (d *Door) handle(ctx context.Context, c *fasthttp.RequestCtx) {
	r := request(c)
	stream, _ := r.Body.(*incoming)
	reply(c, d.answer(ctx, origin(c.Conn()), r))
	settle(c, stream)
}

func request(ctx *fasthttp.RequestCtx) *wire.Request {
	h := &ctx.Request.Header
	path, query, _ := strings.Cut(string(h.RequestURI()), "?")
	r := &wire.Request{
		Method: string(h.Method()), Host: string(h.Host()), Path: path, RawQuery: query,
		Header: header(h), Length: max(int64(h.ContentLength()), -1),
	}
	if s := ctx.RequestBodyStream(); s != nil {
		r.Body = &incoming{from: s, left: r.Length}
	} else {
		r.Bytes = ctx.Request.Body()
	}
	return r
}

// header copies the fields, which fasthttp uses again, into one text and one list.
func header(h *fasthttp.RequestHeader) http.Header {
	n, size := 0, 0
	for _, v := range h.All() {
		n, size = n+1, size+len(v)
	}
	out, list := make(http.Header, n), make([]string, 0, n)
	var text strings.Builder
	text.Grow(size)
	for k, v := range h.All() {
		from := text.Len()
		text.Write(v)
		value := text.String()[from:]
		if old, twice := out[string(k)]; twice {
			out[string(k)] = append(old, value)
			continue
		}
		list = append(list, value)
		out[known(k)] = list[len(list)-1 : len(list) : len(list)]
	}
	return out
}

// known gives the text of a header's name, without making one for those that most calls have.
func known(name []byte) string {
	if s, ok := usual[string(name)]; ok {
		return s
	}
	return string(name)
}

var usual = func() map[string]string {
	m := map[string]string{}
	for _, n := range []string{
		"Accept", "Accept-Encoding", "Amz-Sdk-Invocation-Id", "Amz-Sdk-Request", "Authorization", "Connection", "Content-Length",
		"Content-Md5", "Content-Type", "Expect", "Host", "User-Agent", "X-Amz-Content-Sha256", "X-Amz-Date", "X-Amz-Security-Token",
		"X-Amz-Target", "X-Amz-User-Agent",
	} {
		m[n] = n
	}
	return m
}()

// What is left of a body when the answer is ready is read away, so that the client reads the answer
// and the connection goes on; beyond these bounds the connection closes instead, for what follows on
// it would be taken for a request.
const (
	leftover = 64 << 20
	patience = 5 * time.Second
)

func settle(ctx *fasthttp.RequestCtx, s *incoming) {
	if s == nil || s.err == io.EOF {
		return
	}
	if err := ctx.Conn().SetReadDeadline(time.Now().Add(patience)); err != nil {
		ctx.SetConnectionClose()
		return
	}
	if n, err := io.Copy(io.Discard, io.LimitReader(s, leftover)); err != nil || n == leftover {
		ctx.SetConnectionClose()
	}
}

// incoming is a body on its way in. It remembers its end, for fasthttp's streams must not be read
// after it. An end that came early is for the reader to notice, who knows the length.
type incoming struct {
	from io.Reader
	left int64 // negative when the length is not known
	err  error
}

func (b *incoming) Read(p []byte) (n int, err error) {
	if b.err != nil {
		return 0, b.err
	}
	if b.left == 0 {
		b.err = io.EOF
		return 0, io.EOF
	}
	n, b.err = b.from.Read(p)
	if b.left > 0 {
		b.left -= int64(n)
		if b.left == 0 {
			b.err = io.EOF
		}
	}
	return n, b.err
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
	var end time.Time // none, for objects and layers
	if u, ok := w.Body.(*unsent); ok {
		end = u.until(time.Now())
	}
	if err := ctx.Conn().SetWriteDeadline(end); err != nil {
		ctx.SetConnectionClose()
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
	if a, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		o.Source = a.AddrPort().Addr().Unmap()
	}
	if a, ok := c.LocalAddr().(*net.TCPAddr); ok {
		o.Target = a.AddrPort()
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
	var b bytes.Buffer
	// A claimed length is believed as far as fasthttp has already read, and the rest when it comes.
	b.Grow(int(min(max(r.Length, 0), prefetch)) + bytes.MinRead)
	_, err := b.ReadFrom(io.LimitReader(r.Body, limit+1))
	r.Bytes, r.Body = b.Bytes(), nil
	if err == nil && int64(len(r.Bytes)) < r.Length {
		err = io.ErrUnexpectedEOF
	}
	return int64(len(r.Bytes)) <= limit, err
}

// quiet hands fasthttp's complaints to the debug log: they are about clients, not about us.
type quiet struct{ log *slog.Logger }

func (q quiet) Printf(format string, args ...any) { q.log.Debug("http", "event", format, "args", args) }
