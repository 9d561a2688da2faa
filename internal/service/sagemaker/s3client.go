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
	"strconv"
	"strings"
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
	c := &s3{service: s, place: place, host: "s3." + s.Region + ".amazonaws.com", session: session}
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

// do sends one signed request. The answer of a status below 300 is the caller's to close.
func (c *s3) do(ctx context.Context, operation, method, bucket, key string, query url.Values, body func() (io.ReadCloser, error), size int64) (*http.Response, error) {
	u := &url.URL{Scheme: "https", Host: c.host, Path: "/" + bucket + "/" + key, RawQuery: strings.ReplaceAll(query.Encode(), "+", "%20")}
	u.RawPath = escapePath(u.Path)
	req, err := http.NewRequestWithContext(ctx, method, u.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", operation, err)
	}
	req.URL = u
	if body != nil {
		if req.Body, err = body(); err != nil {
			return nil, err
		}
		req.GetBody, req.ContentLength = body, size
	}
	x, err := c.session(ctx)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "sagemaker.amazonaws.com")
	sigv4.Sign(req, sigv4.UnsignedPayload, sigv4.Credentials{AccessKey: x.accessKey, Secret: x.secret, Token: x.token},
		sigv4.Scope{Region: c.service.Region, Service: "s3"}, c.service.Clock())
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", operation, err)
	}
	if resp.StatusCode < 300 {
		return resp, nil
	}
	return nil, c.refused(operation, u, resp)
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

// object is one entry of a listing.
type object struct {
	Key  string
	Size int64
}

// list calls f with every object whose key begins with prefix, in key order.
func (c *s3) list(ctx context.Context, bucket, prefix string, f func(object) error) error {
	token := ""
	for {
		q := url.Values{"list-type": {"2"}, "prefix": {prefix}, "encoding-type": {"url"}}
		if token != "" {
			q.Set("continuation-token", token)
		}
		resp, err := c.do(ctx, "ListObjectsV2", http.MethodGet, bucket, "", q, nil, 0)
		if err != nil {
			return err
		}
		var page struct {
			Contents              []object
			IsTruncated           bool
			EncodingType          string
			NextContinuationToken string
		}
		err = xml.NewDecoder(resp.Body).Decode(&page)
		resp.Body.Close()
		if err != nil {
			return fmt.Errorf("ListObjectsV2 of %s: %w", bucket, err)
		}
		for _, o := range page.Contents {
			if page.EncodingType == "url" {
				if o.Key, err = url.QueryUnescape(o.Key); err != nil {
					return fmt.Errorf("ListObjectsV2 of %s: %w", bucket, err)
				}
			}
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

// get copies an object's bytes to w.
func (c *s3) get(ctx context.Context, bucket, key string, w io.Writer) error {
	resp, err := c.do(ctx, "GetObject", http.MethodGet, bucket, key, nil, nil, 0)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	n, err := io.Copy(w, resp.Body)
	if err != nil {
		return fmt.Errorf("GetObject of %s/%s: %w", bucket, key, err)
	}
	if want := resp.Header.Get("Content-Length"); want != "" && want != strconv.FormatInt(n, 10) {
		return fmt.Errorf("GetObject of %s/%s: %d bytes of %s: %w", bucket, key, n, want, io.ErrUnexpectedEOF)
	}
	return nil
}

// put writes an object of a known size; body is opened once, or again where a connection was stale.
func (c *s3) put(ctx context.Context, bucket, key string, size int64, body func() (io.ReadCloser, error)) error {
	resp, err := c.do(ctx, "PutObject", http.MethodPut, bucket, key, nil, body, size)
	if err != nil {
		return err
	}
	io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) //nolint:errcheck // only to keep the connection
	return resp.Body.Close()
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
