package s3

import (
	"crypto/md5"
	"fmt"
	"strings"
	"testing"

	"cloister/internal/engine/sigv4"
)

// list is the body of a CompleteMultipartUpload; each part is "number:etag" with further elements.
func list(parts ...string) string {
	var b strings.Builder
	b.WriteString(`<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">`)
	for _, p := range parts {
		n, rest, _ := strings.Cut(p, ":")
		tag, more, _ := strings.Cut(rest, "+")
		b.WriteString("<Part><PartNumber>" + n + "</PartNumber><ETag>" + strings.ReplaceAll(tag, `"`, "&quot;") + "</ETag>" + more + "</Part>")
	}
	return b.String() + "</CompleteMultipartUpload>"
}

// begin starts an upload and gives the path of its requests.
func begin(c *caller, path string, more ...string) (id, at string) {
	c.Helper()
	id = c.do("POST", path+"?uploads", "", more...).good(c).one("UploadId")
	return id, path + "?uploadId=" + id
}

func put(c *caller, at string, n int, body string, more ...string) string {
	c.Helper()
	return c.do("PUT", at+fmt.Sprintf("&partNumber=%d", n), body, more...).good(c).Header.Get("ETag")
}

func TestAnUploadInParts(t *testing.T) {
	h, c, _ := bucketFor(t, "data")
	one, two := string(noise(minPart+7)), "the end"
	id, at := begin(c, "/data/a%20b", "Content-Type", "text/plain", "x-amz-meta-who", "me")
	if a := c.do("GET", "/data?uploads", "").good(t); a.one("Key") != "a b" || a.one("UploadId") != id {
		t.Errorf("uploads: %s", a.Body)
	}
	put(c, at, 1, "not this one")
	first := put(c, at, 3, one)
	put(c, at, 7, "nor this")
	last := put(c, at, 9, two)
	h.restart(t)
	if a := c.do("GET", at, "").good(t); fmt.Sprint(a.all("PartNumber")) != "[1 3 7 9]" || a.all("ETag")[1] != first {
		t.Errorf("parts: %s", a.Body)
	}
	if a := c.do("GET", at+"&max-parts=2&part-number-marker=1", "").good(t); fmt.Sprint(a.all("PartNumber")) != "[3 7]" || a.one("NextPartNumberMarker") != "7" || a.one("IsTruncated") != "true" {
		t.Errorf("parts: %s", a.Body)
	}
	c.do("GET", "/data/a%20b", "").refused(t, 404, "NoSuchKey")
	x, y := md5.Sum([]byte(one)), md5.Sum([]byte(two))
	tag := fmt.Sprintf(`"%x-2"`, md5.Sum(append(x[:], y[:]...)))
	for range 2 { // the second is said again, because the answer was lost
		c.do("POST", at, list("3:"+first, "9:"+last)).good(t).has(t, "ETag", tag).has(t, "Key", "a b").has(t, "Location", "https://data.s3.us-east-1.amazonaws.com/a%20b")
	}
	if n := h.blobCount(t); n != 2 {
		t.Errorf("%d blobs for two parts", n)
	}
	h.restart(t)
	whole := one + two
	c.do("GET", "/data/a%20b", "").is(t, whole).header(t, "ETag", tag).header(t, "Content-Type", "text/plain").header(t, "x-amz-meta-who", "me")
	c.do("GET", "/data/a%20b", "", "Range", fmt.Sprintf("bytes=%d-%d", len(one)-3, len(one)+2)).is(t, whole[len(one)-3:len(one)+3])
	c.do("GET", "/data/a%20b", "", "Range", "bytes=-3").is(t, "end")
	c.do("GET", "/data/a%20b", "", "Range", "bytes=0-3").is(t, whole[:4])
	c.do("GET", "/data/a%20b?partNumber=2", "").is(t, two).header(t, "x-amz-mp-parts-count", "2").header(t, "Content-Range", fmt.Sprintf("bytes %d-%d/%d", len(one), len(whole)-1, len(whole)))
	crc, _ := sigv4.NewChecksum(implied)
	crc.Write([]byte(whole))
	c.do("HEAD", "/data/a%20b", "", "x-amz-checksum-mode", "ENABLED").header(t, "x-amz-checksum-crc64nvme", encodeSum(crc)).header(t, "x-amz-checksum-type", "FULL_OBJECT")
	c.do("GET", "/data/a%20b?attributes&max-parts=1", "", "x-amz-object-attributes", "ETag,ObjectParts,ObjectSize,Checksum", "x-amz-max-parts", "1").good(t).
		has(t, "ETag", strings.Trim(tag, `"`)).has(t, "ObjectSize", fmt.Sprint(len(whole))).has(t, "PartsCount", "2").has(t, "PartNumber", "1").
		has(t, "Size", fmt.Sprint(len(one))).has(t, "IsTruncated", "true").has(t, "ChecksumCRC64NVME", encodeSum(crc))
	c.do("PUT", "/data/a%20b", "new").good(t)
	c.do("POST", at, list("3:"+first)).refused(t, 404, "NoSuchUpload").has(t, "UploadId", id)
	if n := h.blobCount(t); n != 1 {
		t.Errorf("%d blobs for one object", n)
	}
}

func TestPartsThatDoNotFit(t *testing.T) {
	h, c, _ := bucketFor(t, "data")
	id, at := begin(c, "/data/x")
	a, b := put(c, at, 1, "small"), put(c, at, 2, "end")
	c.do("POST", at, list("1:"+a, "2:"+b)).refused(t, 400, "EntityTooSmall").has(t, "PartNumber", "1").has(t, "ProposedSize", "5").has(t, "MinSizeAllowed", "5242880")
	c.do("POST", at, list("2:"+b, "1:"+a)).refused(t, 400, "InvalidPartOrder").has(t, "UploadId", id)
	c.do("POST", at, list("1:"+a, "1:"+a)).refused(t, 400, "InvalidPartOrder")
	c.do("POST", at, list("1:"+b)).refused(t, 400, "InvalidPart").has(t, "PartNumber", "1")
	c.do("POST", at, list("5:"+b)).refused(t, 400, "InvalidPart").has(t, "PartNumber", "5")
	c.do("POST", at, list()).refused(t, 400, "InvalidRequest").has(t, "Message", "You must specify at least one part")
	c.do("POST", at, "").refused(t, 400, "InvalidRequest")
	c.do("POST", at, "<CompleteMultipart").refused(t, 400, "MalformedXML")
	c.do("POST", at, list("1:"+a), "x-amz-mp-object-size", "4").refused(t, 400, "InvalidRequest")
	c.do("PUT", at+"&partNumber=0", "x").refused(t, 400, "InvalidArgument")
	c.do("PUT", at+"&partNumber=10001", "x").refused(t, 400, "InvalidArgument").has(t, "Message", "Part number must be an integer between 1 and 10000, inclusive")
	c.do("PUT", "/data/other?partNumber=1&uploadId="+id, "x").refused(t, 404, "NoSuchUpload")
	c.do("PUT", "/data/x?partNumber=1&uploadId=none", "x").refused(t, 404, "NoSuchUpload")
	c.do("POST", at, list("1:"+a), "If-None-Match", "*").good(t)
	_, again := begin(c, "/data/x")
	tag := put(c, again, 1, "again")
	c.do("POST", again, list("1:"+tag), "If-None-Match", "*").refused(t, 412, "PreconditionFailed")
	c.do("GET", "/data/x", "").is(t, "small")
	if a := c.do("DELETE", again, ""); a.Status != 204 {
		t.Errorf("abort answered %d", a.Status)
	}
	c.do("DELETE", again, "").refused(t, 404, "NoSuchUpload")
	c.do("PUT", again+"&partNumber=1", "late").refused(t, 404, "NoSuchUpload")
	if n := h.blobCount(t); n != 1 {
		t.Errorf("%d blobs for one part", n)
	}
}

func TestChecksumsOfParts(t *testing.T) {
	h, c, _ := bucketFor(t, "data")
	one, two := string(noise(minPart)), "the end"
	of := func(algorithm, s string) string {
		x, _ := sigv4.NewChecksum(algorithm)
		x.Write([]byte(s))
		return encodeSum(x)
	}
	for _, k := range []struct{ algorithm, kind, want string }{
		{"CRC32", "FULL_OBJECT", of("CRC32", one+two)}, {"CRC32C", "FULL_OBJECT", of("CRC32C", one+two)}, {"CRC64NVME", "", of("CRC64NVME", one+two)},
		{"CRC32", "", ""}, {"SHA256", "COMPOSITE", ""}, {"SHA1", "", ""},
	} {
		more := []string{"x-amz-checksum-algorithm", k.algorithm}
		if k.kind != "" {
			more = append(more, "x-amz-checksum-type", k.kind)
		}
		_, at := begin(c, "/data/"+k.algorithm, more...)
		header, element := "x-amz-checksum-"+strings.ToLower(k.algorithm), "Checksum"+k.algorithm
		x, y := put(c, at, 1, one, header, of(k.algorithm, one)), put(c, at, 2, two)
		c.do("PUT", at+"&partNumber=3", "x", header, of(k.algorithm, "y")).refused(t, 400, "BadDigest")
		c.do("PUT", at+"&partNumber=3", "x", "x-amz-checksum-"+map[bool]string{true: "sha1", false: "crc32c"}[k.algorithm == "CRC32C"], of(map[bool]string{true: "SHA1", false: "CRC32C"}[k.algorithm == "CRC32C"], "x")).refused(t, 400, "InvalidRequest")
		tell := func(n int, tag, s string) string {
			return fmt.Sprintf("%d:%s+<%s>%s</%[3]s>", n, tag, element, of(k.algorithm, s))
		}
		if k.want == "" {
			c.do("POST", at, list("1:"+x, "2:"+y)).refused(t, 400, "InvalidRequest")
			raw, err := together(k.algorithm, composite, []piece{{Sum: sum{Value: of(k.algorithm, one)}}, {Sum: sum{Value: of(k.algorithm, two)}}})
			if err != nil {
				t.Fatal(err)
			}
			k.want = raw.Value + "-2"
		}
		c.do("POST", at, list(tell(1, x, two), tell(2, y, two))).refused(t, 400, "BadDigest")
		c.do("POST", at, list(tell(1, x, one), tell(2, y, two))).good(t).has(t, element, k.want)
		c.do("HEAD", "/data/"+k.algorithm, "", "x-amz-checksum-mode", "ENABLED").header(t, header, k.want)
	}
	for algorithm, kind := range map[string]string{"SHA1": "FULL_OBJECT", "SHA256": "FULL_OBJECT", "CRC64NVME": "COMPOSITE"} {
		c.do("POST", "/data/x?uploads", "", "x-amz-checksum-algorithm", algorithm, "x-amz-checksum-type", kind).refused(t, 400, "InvalidRequest").
			has(t, "Message", "The "+kind+" checksum type cannot be used with the "+strings.ToLower(algorithm)+" checksum algorithm.")
	}
	c.do("POST", "/data/x?uploads", "", "x-amz-checksum-type", "COMPOSITE").refused(t, 400, "InvalidRequest")
	// An upload that asked for none takes parts with any.
	_, at := begin(c, "/data/any")
	tag := put(c, at, 1, two, "x-amz-checksum-sha1", of("SHA1", two))
	c.do("POST", at, list("1:"+tag+"+<ChecksumSHA1>"+of("SHA1", two)+"</ChecksumSHA1>")).good(t).has(t, "ChecksumCRC64NVME", of("CRC64NVME", two))
	if n := h.blobCount(t); n != 2*5+1 {
		t.Errorf("%d blobs for %d parts", n, 2*5+1)
	}
}

func TestPartsThatAreCopied(t *testing.T) {
	_, c, _ := bucketFor(t, "data")
	one := string(noise(minPart + 10))
	c.do("PUT", "/data/from", one).good(t)
	_, at := begin(c, "/data/to")
	part := func(n int, r string) *reply {
		return c.do("PUT", at+fmt.Sprintf("&partNumber=%d", n), "", "x-amz-copy-source", "data/from", "x-amz-copy-source-range", r)
	}
	a := part(1, fmt.Sprintf("bytes=0-%d", minPart-1)).good(t).one("ETag")
	b := part(2, fmt.Sprintf("bytes=%d-%d", minPart, minPart+9)).good(t).one("ETag")
	for _, bad := range []string{"0-8", "bytes=0", "bytes=5-2", "bytes=-5", fmt.Sprintf("bytes=0-%d", minPart+10)} {
		part(3, bad).refused(t, 400, "InvalidArgument")
	}
	part(3, "bytes=99999999-999999999").refused(t, 400, "InvalidRequest")
	c.do("POST", at, list("1:"+a, "2:"+b)).good(t)
	c.do("GET", "/data/to", "").is(t, one)
}

func TestUploadsAreListedByKey(t *testing.T) {
	_, c, _ := bucketFor(t, "data")
	for _, k := range []string{"a", "a", "a/b", "a/c", "b", "a0"} {
		begin(c, "/data/"+k)
	}
	var keys []string
	query := "/data?uploads&max-uploads=2"
	for next := query; next != ""; {
		a := c.do("GET", next, "").good(t)
		keys = append(keys, a.all("Key")...)
		next = ""
		if a.one("IsTruncated") == "true" {
			next = query + "&key-marker=" + a.one("NextKeyMarker") + "&upload-id-marker=" + a.one("NextUploadIdMarker")
		}
	}
	if fmt.Sprint(keys) != "[a a a/b a/c a0 b]" {
		t.Errorf("listed %v", keys)
	}
	if a := c.do("GET", "/data?uploads&delimiter=/&prefix=a", "").good(t); fmt.Sprint(a.all("Key"), a.all("Prefix")) != "[a a a0] [a a/]" {
		t.Errorf("listed %s", a.Body)
	}
}
