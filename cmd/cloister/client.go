package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"cloister/internal/engine/sigv4"
)

// client is how the other commands call the API: signed, over TLS, like any AWS client.
type client struct {
	instance
	credentials sigv4.Credentials
	http        *http.Client
}

func (f place) client(profile string) (*client, error) {
	i, err := f.instance()
	if err != nil {
		return nil, err
	}
	c, err := readProfile(f.credentials(), profile)
	if err != nil {
		return nil, err
	}
	h, err := trusting(i.CA)
	return &client{i, c, h}, err
}

// trusting is a client that trusts the certificates of a file, or the machine's for none.
func trusting(bundle string) (*http.Client, error) {
	var roots *x509.CertPool
	if bundle != "" {
		pem, err := os.ReadFile(bundle)
		if err != nil {
			return nil, err
		}
		roots = x509.NewCertPool()
		roots.AppendCertsFromPEM(pem)
	}
	return &http.Client{Timeout: time.Minute, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}, nil
}

// readProfile reads one profile of a shared credentials file.
func readProfile(path, profile string) (sigv4.Credentials, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return sigv4.Credentials{}, err
	}
	var c sigv4.Credentials
	in := ""
	s := bufio.NewScanner(bytes.NewReader(b))
	for s.Scan() {
		line := strings.TrimSpace(s.Text())
		if strings.HasPrefix(line, "[") {
			in = strings.Trim(line, "[] ")
			continue
		}
		k, v, _ := strings.Cut(line, "=")
		if in != profile {
			continue
		}
		switch strings.TrimSpace(k) {
		case "aws_access_key_id":
			c.AccessKey = strings.TrimSpace(v)
		case "aws_secret_access_key":
			c.Secret = strings.TrimSpace(v)
		case "aws_session_token":
			c.Token = strings.TrimSpace(v)
		}
	}
	if c.AccessKey == "" {
		return c, noProfile(path, profile)
	}
	return c, nil
}

func noProfile(path, profile string) error {
	return fmt.Errorf("%s has no profile %q: add one with `AWS_SHARED_CREDENTIALS_FILE=%s aws configure --profile %s`, with the key of `aws iam create-access-key`",
		path, profile, path, profile)
}

// do sends one signed request to the public door.
func (c *client) do(ctx context.Context, service, contentType, target string, body []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.Door+"/", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", contentType)
	if target != "" {
		r.Header.Set("X-Amz-Target", target)
	}
	sigv4.Sign(r, sigv4.Hash(body), c.credentials, sigv4.Scope{Region: c.Region, Service: service}, time.Now())
	w, err := c.http.Do(r)
	if err != nil {
		return nil, fmt.Errorf("cloister does not answer at %s (is `cloister serve` running?): %w", c.Door, err)
	}
	defer w.Body.Close()
	b, err := io.ReadAll(w.Body)
	if err != nil {
		return nil, err
	}
	if w.StatusCode != http.StatusOK {
		return nil, failure(b)
	}
	return b, nil
}

// refused is an error that the API answered.
type refused struct{ code, message string }

func (r *refused) Error() string { return r.code + ": " + r.message }

// refusal is the code of an error that the API answered; empty for any other.
func refusal(err error) string {
	if r, ok := errors.AsType[*refused](err); ok {
		return r.code
	}
	return ""
}

// failure reads the code and message of an error in either dress.
func failure(b []byte) error {
	var j struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}
	if json.Unmarshal(b, &j) == nil && j.Type != "" {
		return &refused{j.Type, j.Message}
	}
	var x struct {
		Code    string `xml:"Errors>Error>Code"`
		Message string `xml:"Errors>Error>Message"`
	}
	if xml.Unmarshal(b, &x) == nil && x.Code != "" {
		return &refused{x.Code, x.Message}
	}
	return errors.New(strings.TrimSpace(string(b)))
}

// json calls an operation of Cloister's own service.
func (c *client) json(ctx context.Context, operation string, in, out any) error {
	return c.jsonTo(ctx, "cloister", "Cloister."+operation, in, out)
}

// jsonTo calls an operation of a service that speaks JSON.
func (c *client) jsonTo(ctx context.Context, service, target string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	b, err := c.do(ctx, service, "application/x-amz-json-1.1", target, body)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, out)
}

// sagemaker calls an operation of SageMaker.
func (c *client) sagemaker(operation string, in, out any) error {
	return c.jsonTo(context.Background(), "sagemaker", "SageMaker."+operation, in, out)
}

// ec2 calls an operation of EC2; parameters come in pairs.
func (c *client) ec2(ctx context.Context, action string, out any, pairs ...string) error {
	v := url.Values{"Action": {action}, "Version": {"2016-11-15"}}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	b, err := c.do(ctx, "ec2", "application/x-www-form-urlencoded; charset=utf-8", "", []byte(v.Encode()))
	if err != nil {
		return fmt.Errorf("%s: %w", action, err)
	}
	if out == nil {
		return nil
	}
	return xml.Unmarshal(b, out)
}
