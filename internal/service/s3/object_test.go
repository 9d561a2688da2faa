package s3

import (
	"testing"
)

func TestAnObjectComesBackAsItWasPut(t *testing.T) {
	h := start(t, "us-east-1")
	c := h.as(t, "AKIAROOT")
	c.do("PUT", "/data", "").good(t)
	c.do("PUT", "/data/a/b%20c", "hello", "Content-Type", "text/plain", "Cache-Control", "no-cache", "x-amz-meta-who", "me").good(t).
		header(t, "ETag", `"5d41402abc4b2a76b9719d911017c592"`).header(t, "X-Amz-Checksum-Crc64nvme", "M3eFcAZSQlc=")
	for range 2 {
		c.do("GET", "/data/a/b%20c", "").is(t, "hello").header(t, "Content-Type", "text/plain").header(t, "Cache-Control", "no-cache").
			header(t, "x-amz-meta-who", "me").header(t, "ETag", `"5d41402abc4b2a76b9719d911017c592"`)
		c.do("HEAD", "/data/a/b%20c", "").is(t, "").header(t, "Content-Length", "5").header(t, "Content-Type", "text/plain")
		l := c.do("GET", "/data?list-type=2&prefix=a/", "").good(t)
		l.has(t, "Key", "a/b c").has(t, "Size", "5").has(t, "KeyCount", "1").has(t, "IsTruncated", "false")
		h.restart(t)
	}
	c.do("PUT", "/data?policy", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"`+other+`"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::data/a/*"}]}`).good(t)
	o := h.as(t, "AKIAOTHER")
	o.do("GET", "/data/a/b%20c", "").is(t, "hello")
	o.do("GET", "/data?list-type=2", "").refused(t, 403, "AccessDenied")
	o.do("PUT", "/data/a/x", "x").refused(t, 403, "AccessDenied")
}
