package s3

import (
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"cloister/internal/engine/sigv4"
)

// bucketFor makes a bucket and gives its owner and a stranger from another account.
func bucketFor(t testing.TB, name string) (h *house, owner, stranger *caller) {
	h = start(t, "us-east-1")
	owner = h.as(t, "AKIAROOT")
	owner.do("PUT", "/"+name, "").good(t)
	return h, owner, h.as(t, "AKIAOTHER")
}

func TestAnObjectComesBackAsItWasPut(t *testing.T) {
	h, c, _ := bucketFor(t, "data")
	c.do("PUT", "/data/a/b%20c", "hello", "Content-Type", "text/plain", "Cache-Control", "no-cache", "Content-Encoding", "zz", "Expires", "soon",
		"Content-Language", "de", "Content-Disposition", "inline", "x-amz-meta-who", "me").good(t).
		header(t, "ETag", `"5d41402abc4b2a76b9719d911017c592"`).header(t, "X-Amz-Checksum-Crc64nvme", "M3eFcAZSQlc=")
	for range 2 {
		for _, method := range []string{"GET", "HEAD"} {
			body := "hello"
			if method == "HEAD" {
				body = ""
			}
			c.do(method, "/data/a/b%20c", "").is(t, body).header(t, "Content-Type", "text/plain").header(t, "Cache-Control", "no-cache").
				header(t, "x-amz-meta-who", "me").header(t, "ETag", `"5d41402abc4b2a76b9719d911017c592"`).header(t, "Content-Length", "5").
				header(t, "Content-Encoding", "zz").header(t, "Expires", "soon").header(t, "Content-Language", "de").
				header(t, "Content-Disposition", "inline").header(t, "Accept-Ranges", "bytes").header(t, "X-Amz-Checksum-Crc64nvme", "")
		}
		c.do("GET", "/data/a/b%20c", "", "x-amz-checksum-mode", "ENABLED").header(t, "X-Amz-Checksum-Crc64nvme", "M3eFcAZSQlc=")
		c.do("GET", "/data?list-type=2&prefix=a/", "").good(t).has(t, "Key", "a/b c").has(t, "Size", "5").has(t, "KeyCount", "1").has(t, "IsTruncated", "false")
		h.restart(t)
	}
	c.do("GET", "/data/a/b%20c?response-content-type=x/y&response-cache-control=z&response-expires=Thu,%2001%20Dec%201994%2016:00:00%20GMT", "").is(t, "hello").
		header(t, "Content-Type", "x/y").header(t, "Cache-Control", "z").header(t, "Expires", "Thu, 01 Dec 1994 16:00:00 GMT")
	c.do("PUT", "/data/plain", "").good(t)
	c.do("GET", "/data/plain", "").is(t, "").header(t, "Content-Type", "binary/octet-stream")
}

func TestAMissingObject(t *testing.T) {
	_, c, _ := bucketFor(t, "data")
	c.do("GET", "/data/none", "").refused(t, 404, "NoSuchKey").has(t, "Key", "none").has(t, "Message", "The specified key does not exist.")
	c.do("HEAD", "/data/none", "").refused(t, 404, "").is404(t)
	c.do("GET", "/nowhere/none", "").refused(t, 404, "NoSuchBucket").has(t, "BucketName", "nowhere")
	c.do("DELETE", "/data/none", "").good(t)
	c.do("PUT", "/data/x", "1").good(t)
	if a := c.do("DELETE", "/data/x", ""); a.Status != 204 {
		t.Errorf("delete answered %d", a.Status)
	}
	c.do("GET", "/data/x", "").refused(t, 404, "NoSuchKey")
	c.do("GET", "/data/x?versionId=abc", "").refused(t, 404, "NoSuchVersion")
}

func (a *reply) is404(t testing.TB) {
	t.Helper()
	if a.Body != "" {
		t.Errorf("a HEAD was answered with a body: %s", a.Body)
	}
}

func TestRanges(t *testing.T) {
	_, c, _ := bucketFor(t, "data")
	c.do("PUT", "/data/x", "0123456789").good(t)
	c.do("PUT", "/data/empty", "").good(t)
	for _, k := range []struct{ in, body, said string }{
		{"bytes=0-0", "0", "bytes 0-0/10"}, {"bytes=2-5", "2345", "bytes 2-5/10"}, {"bytes=7-", "789", "bytes 7-9/10"}, {"bytes=-3", "789", "bytes 7-9/10"},
		{"bytes=-99", "0123456789", "bytes 0-9/10"}, {"bytes=8-99", "89", "bytes 8-9/10"}, {"bytes=8-99999999999999999999", "89", "bytes 8-9/10"},
		{"bytes=5-2", "0123456789", ""}, {"bytes=a-b", "0123456789", ""}, {"bytes=0-1,3-4", "0123456789", ""}, {"lines=0-1", "0123456789", ""},
		{"bytes=-", "0123456789", ""}, {"bytes=+1-2", "0123456789", ""},
	} {
		a := c.do("GET", "/data/x", "", "Range", k.in).is(t, k.body).header(t, "Content-Range", k.said)
		want := 200
		if k.said != "" {
			want = 206
		}
		if a.Status != want {
			t.Errorf("%s answered %d, want %d", k.in, a.Status, want)
		}
		c.do("HEAD", "/data/x", "", "Range", k.in).header(t, "Content-Length", fmt.Sprint(len(k.body)))
	}
	for _, in := range []string{"bytes=10-", "bytes=99-100", "bytes=-0", "bytes=99999999999999999999-"} {
		c.do("GET", "/data/x", "", "Range", in).refused(t, 416, "InvalidRange").has(t, "ActualObjectSize", "10").has(t, "RangeRequested", in)
	}
	c.do("GET", "/data/empty", "", "Range", "bytes=0-").refused(t, 416, "InvalidRange")
	c.do("GET", "/data/x?partNumber=1", "", "Range", "bytes=0-").refused(t, 400, "InvalidRequest")
	c.do("GET", "/data/x?partNumber=2", "").refused(t, 416, "InvalidPartNumber").has(t, "ActualPartCount", "1")
}

func TestConditionsOfReads(t *testing.T) {
	_, c, _ := bucketFor(t, "data")
	tag := c.do("PUT", "/data/x", "1").Header.Get("ETag")
	past, future := time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat), time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
	for _, k := range []struct {
		name, value string
		status      int
	}{
		{"If-Match", tag, 200}, {"If-Match", "*", 200}, {"If-Match", `"a", ` + tag, 200}, {"If-Match", `"a"`, 412},
		{"If-None-Match", tag, 304}, {"If-None-Match", "W/" + tag, 304}, {"If-None-Match", `"a"`, 200},
		{"If-Modified-Since", past, 200}, {"If-Modified-Since", future, 304}, {"If-Unmodified-Since", past, 412}, {"If-Unmodified-Since", future, 200},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			a := c.do(method, "/data/x", "", k.name, k.value)
			if a.Status != k.status {
				t.Errorf("%s with %s %s answered %d, want %d", method, k.name, k.value, a.Status, k.status)
			}
			if method == "GET" && k.status == 412 {
				a.refused(t, 412, "PreconditionFailed").has(t, "Condition", k.name)
			}
		}
	}
}

func TestConditionsOfWrites(t *testing.T) {
	h, c, _ := bucketFor(t, "data")
	c.do("PUT", "/data/x", "1", "If-Match", `"a"`).refused(t, 404, "NoSuchKey")
	tag := c.do("PUT", "/data/x", "1", "If-None-Match", "*").good(t).Header.Get("ETag")
	c.do("PUT", "/data/x", "2", "If-None-Match", "*").refused(t, 412, "PreconditionFailed").has(t, "Condition", "If-None-Match")
	c.do("PUT", "/data/x", "2", "If-None-Match", tag).refused(t, 501, "NotImplemented")
	c.do("PUT", "/data/x", "2", "If-Match", `"a"`).refused(t, 412, "PreconditionFailed")
	c.do("GET", "/data/x", "").is(t, "1")
	c.do("PUT", "/data/x", "2", "If-Match", tag).good(t)
	c.do("DELETE", "/data/x", "", "If-Match", tag).refused(t, 412, "PreconditionFailed")
	if n := h.blobCount(t); n != 1 {
		t.Errorf("%d blobs for one object", n)
	}
}

func TestWhatDoesNotArriveWholeIsNotKept(t *testing.T) {
	h, c, _ := bucketFor(t, "data")
	sum := func(s string) string { x := md5.Sum([]byte(s)); return base64.StdEncoding.EncodeToString(x[:]) }
	c.do("PUT", "/data/x", "hello", "Content-MD5", sum("hello")).good(t)
	c.do("PUT", "/data/x", "world", "Content-MD5", sum("hello")).refused(t, 400, "BadDigest").has(t, "ExpectedDigest", "5d41402abc4b2a76b9719d911017c592")
	c.do("PUT", "/data/x", "world", "Content-MD5", "zz").refused(t, 400, "InvalidDigest").has(t, "Content-MD5", "zz")
	for name, right := range map[string]string{"crc32": "NhCmhg==", "crc32c": "mnG7TA==", "sha1": "qvTGHdzF6KLavt4PO0gs2a6pQ00=",
		"sha256": "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=", "crc64nvme": "M3eFcAZSQlc="} {
		header := "x-amz-checksum-" + name
		c.do("PUT", "/data/x", "hello", header, right).good(t).header(t, header, right)
		c.do("GET", "/data/x", "", "x-amz-checksum-mode", "ENABLED").is(t, "hello").header(t, header, right).header(t, "x-amz-checksum-type", "FULL_OBJECT")
		c.do("PUT", "/data/x", "world", header, right).refused(t, 400, "BadDigest").
			has(t, "Message", "The "+strings.ToUpper(name)+" you specified did not match the calculated checksum.")
		c.do("PUT", "/data/x", "world", header, "zz").refused(t, 400, "InvalidRequest").has(t, "Message", "Value for "+header+" header is invalid.")
	}
	c.do("PUT", "/data/x", "hello", "x-amz-checksum-crc32", "NhCmhg==", "x-amz-checksum-crc32c", "mnG7TA==").refused(t, 400, "InvalidRequest")
	c.do("PUT", "/data/x", "hello", "x-amz-checksum-xxhash64", "AAAAAAAAAAA=").refused(t, 400, "InvalidRequest")
	// Another hash than was signed, found as the last byte is read.
	r := c.request("PUT", "/data/x", strings.NewReader("world"))
	sigv4.Sign(r, sigv4.Hash([]byte("hello")), c.credentials(), sigv4.Scope{Region: h.region, Service: "s3"}, time.Now())
	c.send(r).refused(t, 400, "XAmzContentSHA256Mismatch")
	trailing := func(sum string) *reply {
		body := "5\r\nworld\r\n0\r\nx-amz-checksum-crc32:" + sum + "\r\n\r\n"
		r := c.request("PUT", "/data/trailing", strings.NewReader(body), "x-amz-decoded-content-length", "5", "x-amz-trailer", "x-amz-checksum-crc32", "Content-Encoding", "aws-chunked")
		sigv4.Sign(r, sigv4.StreamingUnsigned, c.credentials(), sigv4.Scope{Region: h.region, Service: "s3"}, time.Now())
		return c.send(r)
	}
	trailing("NhCmhg==").refused(t, 400, "BadDigest")
	c.do("GET", "/data/trailing", "").refused(t, 404, "NoSuchKey")
	trailing("OneRQw==").refused(t, 400, "BadDigest")
	trailing("OnfRQw==").refused(t, 400, "BadDigest")
	c.do("GET", "/data/x", "").is(t, "hello")
	if n := h.blobCount(t); n != 1 {
		t.Errorf("%d blobs for one object", n)
	}
}

func TestWhatCannotBeActedOnIsRefused(t *testing.T) {
	h, c, _ := bucketFor(t, "data")
	for _, k := range []struct {
		name, value string
		status      int
		code        string
	}{
		{"x-amz-acl", "public-read", 400, "AccessControlListNotSupported"}, {"x-amz-grant-read", `id="x"`, 400, "AccessControlListNotSupported"},
		{"x-amz-storage-class", "GLACIER", 400, "InvalidStorageClass"}, {"x-amz-server-side-encryption", "aws:kms", 501, "NotImplemented"},
		{"x-amz-server-side-encryption-customer-algorithm", "AES256", 501, "NotImplemented"}, {"x-amz-tagging", "a=b", 501, "NotImplemented"},
		{"x-amz-website-redirect-location", "/x", 501, "NotImplemented"}, {"x-amz-object-lock-mode", "GOVERNANCE", 501, "NotImplemented"},
		{"x-amz-meta-long", strings.Repeat("x", 3000), 400, "MetadataTooLarge"},
	} {
		c.do("PUT", "/data/x", "1", k.name, k.value).refused(t, k.status, k.code)
		if k.code != "MetadataTooLarge" {
			c.do("PUT", "/data/y", "", k.name, k.value, "x-amz-copy-source", "/data/x").refused(t, k.status, k.code)
		}
		c.do("POST", "/data/x?uploads", "", k.name, k.value).refused(t, k.status, k.code)
	}
	for _, acl := range []string{"private", "bucket-owner-full-control"} {
		c.do("PUT", "/data/x", "1", "x-amz-acl", acl, "x-amz-storage-class", "STANDARD").good(t)
	}
	c.do("PUT", "/data/"+strings.Repeat("k", 1025), "1").refused(t, 400, "KeyTooLongError").has(t, "MaxSizeAllowed", "1024")
	c.do("PUT", "/data/"+strings.Repeat("k", 1024), "1").good(t)
	c.do("PUT", "/data/%ff%fe", "1").refused(t, 400, "InvalidURI")
	c.do("PUT", "/data/x", "1", "x-amz-expected-bucket-owner", other).refused(t, 403, "AccessDenied")
	c.do("PUT", "/data/x", "1", "x-amz-expected-bucket-owner", "12").refused(t, 400, "InvalidBucketOwnerAWSAccountID")
	c.do("PUT", "/data/x", "1", "x-amz-expected-bucket-owner", account).good(t)
	c.do("PUT", "/data?versioning", `<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>`).refused(t, 405, "MethodNotAllowed")
	if n := h.blobCount(t); n != 2 {
		t.Errorf("%d blobs for two objects", n)
	}
}

func TestTooLargeIsRefusedBeforeItIsRead(t *testing.T) {
	h, c, _ := bucketFor(t, "data")
	r := c.request("PUT", "/data/x", http.NoBody, "x-amz-decoded-content-length", fmt.Sprint(int64(5<<30)+1), "Content-Encoding", "aws-chunked")
	sigv4.Sign(r, sigv4.StreamingUnsigned, c.credentials(), sigv4.Scope{Region: h.region, Service: "s3"}, time.Now())
	if a := c.send(r); a.Status != 400 {
		t.Errorf("answered %d %s", a.Status, a.Body)
	}
	if _, err := newBody(sized(maxUpload+1), nil, sum{}, ""); !strings.Contains(fmt.Sprint(err), "EntityTooLarge") {
		t.Errorf("a body of more than 5 GiB: %v", err)
	}
	if _, err := newBody(sized(-1), nil, sum{}, ""); !strings.Contains(fmt.Sprint(err), "MissingContentLength") {
		t.Errorf("a body of no known length: %v", err)
	}
}

// sized is a body that declares its length and is empty.
type sized int64

func (s sized) Length() int64            { return int64(s) }
func (s sized) Read([]byte) (int, error) { return 0, fmt.Errorf("gone") }

func TestCopies(t *testing.T) {
	h, c, o := bucketFor(t, "data")
	tag := c.do("PUT", "/data/a b/%C3%BC", "hello", "Content-Type", "text/plain", "x-amz-meta-who", "me", "x-amz-checksum-crc32", "NhCmhg==").Header.Get("ETag")
	c.do("PUT", "/data/copy", "", "x-amz-copy-source", "data/a%20b/%C3%BC").good(t).has(t, "ETag", `"5d41402abc4b2a76b9719d911017c592"`).has(t, "ChecksumCRC32", "NhCmhg==")
	c.do("GET", "/data/copy", "").is(t, "hello").header(t, "Content-Type", "text/plain").header(t, "x-amz-meta-who", "me")
	c.do("PUT", "/data/copy", "", "x-amz-copy-source", "/data/a%20b/%C3%BC?versionId=null", "x-amz-metadata-directive", "REPLACE", "x-amz-meta-new", "1").good(t)
	c.do("GET", "/data/copy", "").is(t, "hello").header(t, "x-amz-meta-who", "").header(t, "x-amz-meta-new", "1")
	c.do("PUT", "/data/copy", "", "x-amz-copy-source", "data/copy").refused(t, 400, "InvalidRequest")
	c.do("PUT", "/data/copy", "", "x-amz-copy-source", "data/copy", "x-amz-metadata-directive", "REPLACE").good(t)
	c.do("PUT", "/data/copy", "", "x-amz-copy-source", "data").refused(t, 400, "InvalidArgument").has(t, "Message", "Invalid copy source object key")
	c.do("PUT", "/data/copy", "", "x-amz-copy-source", "data/none").refused(t, 404, "NoSuchKey")
	c.do("PUT", "/data/copy", "", "x-amz-copy-source", "data/a%20b/%C3%BC", "x-amz-copy-source-if-match", `"x"`).refused(t, 412, "PreconditionFailed")
	c.do("PUT", "/data/copy", "", "x-amz-copy-source", "data/a%20b/%C3%BC", "x-amz-copy-source-if-none-match", tag).refused(t, 412, "PreconditionFailed")
	o.do("PUT", "/theirs", "").good(t)
	o.do("PUT", "/theirs/x", "", "x-amz-copy-source", "data/copy").refused(t, 403, "AccessDenied")
	c.do("PUT", "/theirs/x", "", "x-amz-copy-source", "data/copy").refused(t, 403, "AccessDenied")
	if n := h.blobCount(t); n != 2 {
		t.Errorf("%d blobs for two objects", n)
	}
}

func TestDeletingMany(t *testing.T) {
	h, c, _ := bucketFor(t, "data")
	for _, k := range []string{"a", "b", "c"} {
		c.do("PUT", "/data/"+k, k).good(t)
	}
	list := func(quiet string, keys ...string) string {
		return "<Delete><Object><Key>" + strings.Join(keys, "</Key></Object><Object><Key>") + "</Key></Object><Quiet>" + quiet + "</Quiet></Delete>"
	}
	if a := c.do("POST", "/data?delete", list("false", "a", "never")).good(t); fmt.Sprint(a.all("Key")) != "[a never]" {
		t.Errorf("deleted %s", a.Body)
	}
	c.do("POST", "/data?delete", `<Delete><Object><Key>b</Key><VersionId>v9</VersionId></Object></Delete>`).good(t).has(t, "Code", "NoSuchVersion")
	if a := c.do("POST", "/data?delete", list("true", "b")).good(t); len(a.all("Key")) != 0 {
		t.Errorf("a quiet delete said %s", a.Body)
	}
	c.do("POST", "/data?delete", "<Delete></Delete>").refused(t, 400, "MalformedXML")
	c.do("POST", "/data?delete", "<Delete><Object>").refused(t, 400, "MalformedXML")
	c.do("POST", "/data?delete", list("true", strings.Split(strings.Repeat("k,", 1001), ",")...)).refused(t, 400, "MalformedXML")
	if n := h.blobCount(t); n != 1 {
		t.Errorf("%d blobs for one object", n)
	}
}
