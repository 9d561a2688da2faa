package sagemaker

import (
	"context"
	"crypto/tls"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"cloister/internal/engine/sigv4"
)

// s3 is the platform's own S3 client: HTTPS that leaves from a place of the fabric, so that the
// route tables, groups and endpoint of that place decide whether it arrives, and the policies of
// endpoint, bucket and role what it gets.
type s3 struct {
	service *Service
	place   string
	host    string
	// session gives the credentials for the next call.
	session func(ctx context.Context) (*session, error)
	http    *http.Client
	// slots are the transfers that may be under way; chunk is what one of them brings of a large object.
	slots chan struct{}
	chunk int64
	// passes hears what is in S3 and not yet on record.
	passes func(ctx context.Context, point string)
	// begun is where uploads in parts are noted, so that none is left behind.
	begun begunUploads
}

// s3Error is an answer of S3 that says no.
type s3Error struct {
	Status             int
	Code, Message      string
	Request, Operation string
	URL                string
}

func (e *s3Error) Error() string {
	return fmt.Sprintf("%s of %s: %d %s: %s (request id %s)", e.Operation, e.URL, e.Status, e.Code, e.Message, e.Request)
}

// errUnreachable is no packet getting to S3 and back.
var errUnreachable = errors.New("S3 is out of reach")

// newS3 makes a client at a place; close it.
func (s *Service) newS3(place string, session func(context.Context) (*session, error)) *s3 {
	c := &s3{service: s, place: place, host: "s3." + s.Region + ".amazonaws.com", session: session,
		slots: make(chan struct{}, transfers), chunk: s.chunk, passes: func(context.Context, string) {}}
	c.http = &http.Client{
		Transport: &http.Transport{
			DialContext:         c.dial,
			TLSClientConfig:     &tls.Config{RootCAs: s.Roots, ServerName: c.host, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout: s.Connect, MaxIdleConnsPerHost: transfers, DisableCompression: true,
			ResponseHeaderTimeout: time.Minute,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c
}

func (c *s3) close() { c.http.CloseIdleConnections() }

// dial asks the place's resolver and connects from the place.
func (c *s3) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, c.service.Connect)
	defer cancel()
	addresses := c.service.Network.Lookup(c.place, c.host)
	if len(addresses) == 0 {
		return nil, fmt.Errorf("%w: %s has no address at %s", errUnreachable, c.host, c.place)
	}
	var last error
	for _, a := range addresses {
		conn, err := c.service.Network.Dial(ctx, c.place, netip.AddrPortFrom(a, 443))
		if err == nil {
			return conn, nil
		}
		last = err
	}
	return nil, fmt.Errorf("%w: %w", errUnreachable, last)
}

// ask is one request.
type ask struct {
	operation, method string
	bucket, key       string
	query             url.Values
	header            http.Header
	body              func() (io.ReadCloser, error)
	size              int64 // of the body
}

// do sends one signed request. The answer of a status below 300 is the caller's to close.
func (c *s3) do(ctx context.Context, a ask) (*http.Response, error) {
	u := &url.URL{Scheme: "https", Host: c.host, Path: "/" + a.bucket + "/" + a.key, RawQuery: strings.ReplaceAll(a.query.Encode(), "+", "%20")}
	u.RawPath = escapePath(u.Path)
	req, err := http.NewRequestWithContext(ctx, a.method, u.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.operation, err)
	}
	req.URL = u
	if a.body != nil && a.size > 0 { // an empty body of unknown length would go without one
		if req.Body, err = a.body(); err != nil {
			return nil, err
		}
		req.GetBody, req.ContentLength = a.body, a.size
	}
	x, err := c.session(ctx)
	if err != nil {
		return nil, err
	}
	for k, v := range a.header {
		req.Header[k] = v
	}
	req.Header.Set("User-Agent", "sagemaker.amazonaws.com")
	sigv4.Sign(req, sigv4.UnsignedPayload, sigv4.Credentials{AccessKey: x.accessKey, Secret: x.secret, Token: x.token},
		sigv4.Scope{Region: c.service.Region, Service: "s3"}, c.service.Clock())
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.operation, err)
	}
	if resp.StatusCode < 300 {
		return resp, nil
	}
	return nil, c.refused(a.operation, u, resp)
}

// patience is how long a request waits before it is tried again after an error that may pass within moments.
var patience = [...]time.Duration{50 * time.Millisecond, 250 * time.Millisecond}

// try repeats what may go better at once: an S3 that is busy, a connection that broke.
func try(ctx context.Context, f func() error) error {
	for i := 0; ; i++ {
		err := f()
		if i == len(patience) || ctx.Err() != nil || !mayPass(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(patience[i]):
		}
	}
}

// mayPass says whether an error may pass within moments.
func mayPass(err error) bool {
	var no *s3Error
	if errors.As(err, &no) {
		return no.Status >= 500
	}
	for _, broken := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, broken) {
			return true
		}
	}
	return false
}

func (c *s3) refused(operation string, u *url.URL, resp *http.Response) error {
	defer resp.Body.Close()
	e := &s3Error{Status: resp.StatusCode, Operation: operation, URL: u.Redacted(), Request: resp.Header.Get("X-Amz-Request-Id")}
	var said struct{ Code, Message, RequestId string }
	if b, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10)); err == nil && xml.Unmarshal(b, &said) == nil {
		e.Code, e.Message = said.Code, said.Message
		if e.Request == "" {
			e.Request = said.RequestId
		}
	}
	c.service.Log.Info("S3 refused", "place", c.place, "operation", operation, "url", e.URL, "status", e.Status, "code", e.Code, "request_id", e.Request)
	return e
}

// object is one entry of a listing; Size is negative where nobody has told it.
type object struct {
	Key  string
	Size int64
	ETag string
}

// list calls f with every object whose key begins with prefix, in key order.
func (c *s3) list(ctx context.Context, bucket, prefix string, f func(object) error) error {
	token := ""
	for {
		q := url.Values{"list-type": {"2"}, "prefix": {prefix}, "encoding-type": {"url"}}
		if token != "" {
			q.Set("continuation-token", token)
		}
		var page listing
		err := try(ctx, func() (err error) {
			page, err = c.page(ctx, bucket, q)
			return err
		})
		if err != nil {
			return err
		}
		for _, o := range page.Contents {
			if err := f(o); err != nil {
				return err
			}
		}
		if !page.IsTruncated || page.NextContinuationToken == "" {
			return nil
		}
		token = page.NextContinuationToken
	}
}

type listing struct {
	Contents              []object
	IsTruncated           bool
	EncodingType          string
	NextContinuationToken string
}

func (c *s3) page(ctx context.Context, bucket string, q url.Values) (page listing, err error) {
	resp, err := c.do(ctx, ask{operation: "ListObjectsV2", method: http.MethodGet, bucket: bucket, query: q})
	if err != nil {
		return page, err
	}
	defer resp.Body.Close()
	if err := xml.NewDecoder(resp.Body).Decode(&page); err != nil {
		return page, fmt.Errorf("ListObjectsV2 of %s: %w", bucket, err)
	}
	for i := range page.Contents {
		if o := &page.Contents[i]; page.EncodingType == "url" {
			if o.Key, err = url.QueryUnescape(o.Key); err != nil {
				return page, fmt.Errorf("ListObjectsV2 of %s: %w", bucket, err)
			}
		}
	}
	return page, nil
}

// escapePath escapes all but the unreserved characters and the slash, as S3 signatures want it.
func escapePath(p string) string {
	const hexDigits = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(p); i++ {
		c := p[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~/", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hexDigits[c>>4])
		b.WriteByte(hexDigits[c&15])
	}
	return b.String()
}
