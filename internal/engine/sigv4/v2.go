package sigv4

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Version 2 lives on in `aws s3 presign` of old clients only, so its query form is all there is here.

const v2Missing = "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters"

func parseV2(r *Request) (Claim, *Error) {
	c := Claim{Form: PresignedV2, Service: "s3"} // no other service takes it
	c.AccessKey, _ = queryValue(r.RawQuery, "AWSAccessKeyId")
	c.Signature, _ = queryValue(r.RawQuery, "Signature")
	c.Timestamp, _ = queryValue(r.RawQuery, "Expires")
	if c.AccessKey == "" || c.Signature == "" || c.Timestamp == "" {
		return c, (&Error{Kind: NoCredentials, Form: PresignedV2, Message: "Request is missing Authentication Token"}).object(v2Missing)
	}
	end, err := strconv.ParseInt(c.Timestamp, 10, 64)
	if err != nil {
		return c, refuse(NoCredentials, "Invalid date (should be seconds since epoch): %s", c.Timestamp).in(PresignedV2).
			object("Invalid date (should be seconds since epoch): %s", c.Timestamp)
	}
	c.Time = time.Unix(end, 0)
	var ok bool
	if c.SecurityToken, ok = queryValue(r.RawQuery, "x-amz-security-token"); !ok {
		c.SecurityToken = first(r.Header, "X-Amz-Security-Token")
	}
	return c, nil
}

// checkV2 knows that the time of a Version 2 claim is its end.
func checkV2(c *Claim, now time.Time, want Scope) *Error {
	if !want.objects() {
		return refuse(UnknownAlgorithm, "Unsupported AWS 'algorithm': '%s'.", "AWS").in(c.Form)
	}
	if now.After(c.Time) {
		return refuse(PresignExpired, "Request has expired").in(c.Form).expired(c.Time, now)
	}
	return nil
}

func verifyV2(c *Claim, r *Request, secret string) *Error {
	text, ok := toSignV2(c, r)
	if !ok {
		return Refuse(MalformedURI).in(c.Form)
	}
	m := hmac.New(sha1.New, []byte(secret))
	m.Write([]byte(text))
	if sameText(base64.StdEncoding.AppendEncode(nil, m.Sum(nil)), c.Signature) {
		return nil
	}
	return c.mismatch("", text)
}

func toSignV2(c *Claim, r *Request) (string, bool) {
	query, err := url.ParseQuery(r.RawQuery)
	if err != nil {
		return "", false
	}
	// A header that the signer could not ask a browser to send stands in the query.
	header := func(name string) string {
		if v := first(r.Header, name); v != "" {
			return strings.TrimSpace(v)
		}
		return query.Get(strings.ToLower(name))
	}
	var b strings.Builder
	b.WriteString(r.Method + "\n" + header("Content-Md5") + "\n" + header("Content-Type") + "\n" + c.Timestamp + "\n")
	amz := map[string]string{}
	for name, v := range query {
		if strings.HasPrefix(name, "x-amz-") {
			amz[name] = strings.Join(v, ",")
		}
	}
	for name, v := range r.Header {
		if strings.HasPrefix(name, "X-Amz-") {
			amz[strings.ToLower(name)] = strings.TrimSpace(strings.Join(v, ","))
		}
	}
	for _, name := range sortedKeys(amz) {
		b.WriteString(name + ":" + amz[name] + "\n")
	}
	if r.Bucket != "" {
		b.WriteString("/" + r.Bucket)
	}
	b.WriteString(r.Path)
	divider := "?"
	for _, name := range sortedKeys(query) {
		if !signedByV2[name] {
			continue
		}
		b.WriteString(divider + name)
		if v := query.Get(name); v != "" {
			b.WriteString("=" + v)
		}
		divider = "&"
	}
	return b.String(), true
}

func sortedKeys[V any](m map[string]V) []string {
	all := make([]string, 0, len(m))
	for k := range m {
		all = append(all, k)
	}
	slices.Sort(all)
	return all
}

// signedByV2 are the parameters that Version 2 covers; the others may be altered by anyone, so S3 must
// give no other parameter power over who may do what.
var signedByV2 = func() map[string]bool {
	m := map[string]bool{}
	for _, name := range strings.Fields(`accelerate acl analytics cors defaultObjectAcl delete inventory lifecycle
		location logging metrics notification object-lock partNumber policy replication requestPayment
		response-cache-control response-content-disposition response-content-encoding response-content-language
		response-content-type response-expires restore select select-type storageClass tagging torrent uploadId
		uploads versionId versioning versions website`) {
		m[name] = true
	}
	return m
}()
