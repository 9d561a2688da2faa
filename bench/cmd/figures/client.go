package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"time"

	"cloister/internal/engine/sigv4"
)

// client is a signed caller; base is a door, or empty for the services' own names.
type client struct {
	base, region string
	credentials  sigv4.Credentials
	http         *http.Client
}

func newClient(base, region, caFile string, k sigv4.Credentials) (*client, error) {
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, MaxIdleConnsPerHost: 4}
	return &client{base, region, k, &http.Client{Timeout: 20 * time.Second, Transport: transport}}, nil
}

// send signs and sends one request; at is the service's own name, for callers without a base.
func (c *client) send(ctx context.Context, service, at, method, path string, header map[string]string, body []byte) ([]byte, error) {
	base, global := c.base, service == "iam"
	if base == "" {
		base = "https://" + at
	}
	r, err := http.NewRequestWithContext(ctx, method, base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for k, v := range header {
		r.Header.Set(k, v)
	}
	scope := sigv4.Scope{Region: c.region, Service: service}
	if global {
		scope.Region = "us-east-1"
	}
	sigv4.Sign(r, sigv4.Hash(body), c.credentials, scope, time.Now())
	w, err := c.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer w.Body.Close()
	b, err := io.ReadAll(w.Body)
	if err == nil && w.StatusCode/100 != 2 {
		err = fmt.Errorf("%s %s: %d %s", service, path, w.StatusCode, b)
	}
	return b, err
}

var versions = map[string]string{"ec2": "2016-11-15", "iam": "2010-05-08", "sts": "2011-06-15"}

// query calls an operation of ec2, iam or sts; parameters come in pairs, out may be nil.
func (c *client) query(ctx context.Context, service, action string, out any, pairs ...string) error {
	v := url.Values{"Action": {action}, "Version": {versions[service]}}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	b, err := c.send(ctx, service, service+"."+c.region+".amazonaws.com", http.MethodPost, "/",
		map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, []byte(v.Encode()))
	if err != nil {
		return fmt.Errorf("%s: %w", action, err)
	}
	if out == nil {
		return nil
	}
	return xml.Unmarshal(b, out)
}

// json calls an operation of a JSON service; out may be nil.
func (c *client) json(ctx context.Context, service, target string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	b, err := c.send(ctx, service, "", http.MethodPost, "/", map[string]string{"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target}, body)
	if err != nil {
		return fmt.Errorf("%s: %w", target, err)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(b, out)
}

func (c *client) put(ctx context.Context, path string, body []byte) error {
	_, err := c.send(ctx, "s3", "", http.MethodPut, path, map[string]string{"Content-Type": "text/csv"}, body)
	return err
}

// until asks again until yes says so.
func until(ctx context.Context, what string, yes func() (bool, error)) error {
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		ok, err := yes()
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if ok {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return fmt.Errorf("%s did not happen in 30 s", what)
}
