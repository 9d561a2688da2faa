package sigv4_test

import (
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"cloister/internal/engine/sigv4"
)

func TestChecksums(t *testing.T) {
	for name, want := range map[string]string{"crc32": "y/Q5Jg==", "CRC32C": "4waSgw==", "sha1": "98O8HYCOBHMq32eZZczDTKeuNEE=", "sha256": "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=", "Crc64Nvme": "rosUhgp5mIg="} {
		h, ok := sigv4.NewChecksum(name)
		if !ok {
			t.Fatal(name)
		}
		io.WriteString(h, "123456789")
		if got := base64.StdEncoding.EncodeToString(h.Sum(nil)); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
	if _, ok := sigv4.NewChecksum("md5"); ok {
		t.Error("md5 is no checksum of S3's")
	}
}

func TestPlainPayloads(t *testing.T) {
	hello := sigv4.Hash([]byte("hello"))
	fault := errors.New("line cut")
	for name, c := range map[string]struct {
		declared string
		body     io.Reader
		length   int64
		want     sigv4.Kind
	}{
		"hash":                {hello, strings.NewReader("hello"), 5, -1},
		"hash, no length":     {hello, strings.NewReader("hello"), -1, -1},
		"hash, end with data": {hello, iotest.DataErrReader(strings.NewReader("hello")), 5, -1},
		"unsigned":            {sigv4.UnsignedPayload, strings.NewReader("hello"), 5, -1},
		"other data":          {hello, strings.NewReader("hallo"), 5, sigv4.PayloadMismatch},
		"other, no length":    {hello, strings.NewReader("hallo"), -1, sigv4.PayloadMismatch},
		"too short":           {hello, strings.NewReader("hell"), 5, sigv4.Truncated},
		"too long":            {hello, strings.NewReader("hello!"), 5, sigv4.LengthMismatch},
		"empty":               {hello, strings.NewReader(""), 0, sigv4.PayloadMismatch},
		"line cut":            {hello, iotest.ErrReader(fault), 5, -2},
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := streaming(t, c.declared, -1)
			p, e := open(r, manualSecret, manualTime, c.body, c.length)
			if e != nil {
				if e.Kind != c.want {
					t.Fatal(e)
				}
				return
			}
			if p.Length() != c.length {
				t.Errorf("length %d", p.Length())
			}
			data, err := io.ReadAll(p)
			switch {
			case c.want == -1 && (err != nil || string(data) != "hello"):
				t.Errorf("%q, %v", data, err)
			case c.want == -2 && !errors.Is(err, fault):
				t.Errorf("%v", err)
			case c.want >= 0 && (kindOf(err) != c.want || (c.length > 0 && len(data) >= 5)):
				t.Errorf("%q, %v", data, err)
			}
			if c.want >= 0 {
				if n, again := p.Read(make([]byte, 9)); n != 0 || again != err {
					t.Errorf("read on: %d, %v", n, again)
				}
			}
		})
	}
}

func TestAnonymousPayloads(t *testing.T) {
	r := func(declared string) *sigv4.Request {
		return &sigv4.Request{Method: "PUT", Host: "h", Path: "/b/k", Header: http.Header{"X-Amz-Content-Sha256": {declared}, "X-Amz-Decoded-Content-Length": {"5"}}}
	}
	for declared, want := range map[string]sigv4.Kind{"": -1, sigv4.UnsignedPayload: -1, sigv4.Hash([]byte("hello")): -1, sigv4.StreamingPayload: sigv4.PayloadInvalid, "x": sigv4.PayloadInvalid} {
		data, _, err := readAll(t, r(declared), "hello")
		if kindOf(err) != want || (want == -1 && string(data) != "hello") {
			t.Errorf("%q: %q, %v", declared, data, err)
		}
	}
	if data, _, err := readAll(t, r(sigv4.StreamingUnsigned), "5\r\nhello\r\n0\r\n\r\n"); err != nil || string(data) != "hello" {
		t.Errorf("%q, %v", data, err)
	}
	c := sigv4.Claim{Form: sigv4.Header}
	for _, declared := range []string{sigv4.StreamingUnsigned, "x"} {
		if _, e := sigv4.NewVerifier(1).Payload(nil, 5, r(declared), &c, "", sigv4.Scope{Service: "sagemaker"}); e == nil || e.Kind != sigv4.PayloadInvalid {
			t.Errorf("%s outside S3: %v", declared, e)
		}
	}
	c.Form = sigv4.PresignedV2
	if p, e := sigv4.NewVerifier(1).Payload(strings.NewReader("x"), 1, r("x"), &c, "", objects); e != nil || p.Length() != 1 {
		t.Errorf("Version 2 has no payload hash: %v", e)
	}
}
