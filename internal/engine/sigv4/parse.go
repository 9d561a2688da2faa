package sigv4

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// credentialForm is how S3 says what a credential looks like.
const credentialForm = `expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".`

// Parse reads the claim out of a request. A request with no trace of a signature has form None;
// anything that tries to be a signature and is not whole is refused.
func Parse(r *Request) (Claim, *Error) {
	header := first(r.Header, "Authorization")
	query := strings.Contains(r.RawQuery, "X-Amz-")
	if query {
		query = hasKey(r.RawQuery, "X-Amz-Algorithm") || hasKey(r.RawQuery, "X-Amz-Signature") || hasKey(r.RawQuery, "X-Amz-Credential")
	}
	old := strings.Contains(r.RawQuery, "AWSAccessKeyId=") && hasKey(r.RawQuery, "AWSAccessKeyId")
	if (header != "" && (query || old)) || (query && old) {
		return Claim{}, &Error{Kind: TwoMechanisms}
	}
	switch {
	case header != "":
		return parseHeader(header, r.Header)
	case query:
		return parseQuery(r)
	case old:
		return parseV2(r)
	}
	return Claim{}, nil
}

func parseHeader(value string, h http.Header) (Claim, *Error) {
	c := Claim{Form: Header, SecurityToken: first(h, "X-Amz-Security-Token")}
	name, rest, _ := strings.Cut(strings.TrimSpace(value), " ")
	if name != algorithm {
		return c, refuse(UnknownAlgorithm, "Unsupported AWS 'algorithm': '%s'.", name).in(Header).
			object("The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.")
	}
	var credential string
	for rest != "" {
		var pair string
		pair, rest, _ = strings.Cut(rest, ",")
		pair = strings.TrimSpace(pair)
		key, v, ok := strings.Cut(pair, "=")
		if !ok && pair != "" {
			return c, refuse(Incomplete, "'%s' not a valid key=value pair (missing equal-sign) in Authorization header: '%s'.", pair, value).
				in(Header).object("The authorization header is malformed; the authorization component \"%s\" is malformed.", pair)
		}
		switch key { // of two the last counts
		case "Credential":
			credential = v
		case "SignedHeaders":
			c.SignedHeaders = v
		case "Signature":
			c.Signature = v
		}
	}
	date := first(h, "X-Amz-Date")
	if date == "" {
		date = first(h, "Date")
	}
	if e := missingHeaderParts(credential, &c, date, value); e != nil {
		return c, e
	}
	if e := c.setCredential(credential); e != nil {
		return c, e
	}
	return c, c.setTime(date)
}

func missingHeaderParts(credential string, c *Claim, date, value string) *Error {
	if credential != "" && c.Signature != "" && c.SignedHeaders != "" && date != "" {
		return nil
	}
	var b strings.Builder
	e := &Error{Kind: Incomplete, Form: Header}
	lack := func(absent bool, name string) {
		if absent {
			b.WriteString("Authorization header requires '" + name + "' parameter. ")
			e.object("The authorization header is malformed; the authorization header requires three components: Credential, SignedHeaders, and Signature.")
		}
	}
	lack(credential == "", "Credential")
	lack(c.Signature == "", "Signature")
	lack(c.SignedHeaders == "", "SignedHeaders")
	if date == "" {
		b.WriteString("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ")
		if e.words == "" {
			e.Kind = BadDate
			e.object("AWS authentication requires a valid Date or x-amz-date header")
		}
	}
	// The signature is repeated to its sender only, as AWS does.
	e.Message = b.String() + "Authorization=" + value
	return e
}

func (c *Claim) setCredential(s string) *Error {
	parts := [5]string{}
	n, rest := 0, s
	for more := true; more; n++ {
		var p string
		p, rest, more = strings.Cut(rest, "/")
		if n < 5 {
			parts[n] = p
		}
	}
	if n != 5 || parts[0] == "" {
		e := refuse(Incomplete, "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '%s'", s).in(c.Form)
		if c.Form == Presigned {
			return e.object("Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; %s", credentialForm)
		}
		return e.object("The authorization header is malformed; the Credential is mal-formed; %s", credentialForm)
	}
	c.AccessKey, c.Date, c.Region, c.Service, c.Terminator = parts[0], parts[1], parts[2], parts[3], parts[4]
	return nil
}

// setTime takes the date of the signature: ISO 8601 basic, or in a Date header also HTTP's forms.
func (c *Claim) setTime(s string) *Error {
	t, err := time.Parse(basicTime, s)
	if err == nil && len(s) == len(basicTime) {
		c.Time, c.Timestamp = t, s
		return nil
	}
	if c.Form == Header {
		if t, err = http.ParseTime(s); err != nil {
			t, err = time.Parse(time.RFC1123Z, s)
		}
		if err == nil {
			c.Time, c.Timestamp = t, t.UTC().Format(basicTime)
			return nil
		}
	}
	e := refuse(BadDate, "Date must be in ISO-8601 'basic format'. Got '%s'. See http://en.wikipedia.org/wiki/ISO_8601", s).in(c.Form)
	if c.Form == Presigned {
		return e.object(`X-Amz-Date must be in the ISO8601 Long Format "yyyyMMdd'T'HHmmss'Z'"`)
	}
	return e.object("AWS authentication requires a valid Date or x-amz-date header")
}

func parseQuery(r *Request) (Claim, *Error) {
	c := Claim{Form: Presigned}
	var credential, date, name, expires string
	fields := [...]struct {
		key  string
		into *string
	}{
		{"X-Amz-Algorithm", &name}, {"X-Amz-Credential", &credential}, {"X-Amz-Signature", &c.Signature},
		{"X-Amz-SignedHeaders", &c.SignedHeaders}, {"X-Amz-Date", &date},
	}
	var lacks strings.Builder
	for _, f := range fields {
		*f.into, _ = queryValue(r.RawQuery, f.key) // of two the first counts
		if *f.into == "" {
			lacks.WriteString("AWS query-string parameters must include '" + f.key + "'. ")
		}
	}
	expires, limited := queryValue(r.RawQuery, "X-Amz-Expires")
	if lacks.Len() > 0 {
		return c, refuse(Incomplete, "%sRe-examine the query-string parameters.", lacks.String()).in(Presigned).
			object("Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.")
	}
	if name != algorithm {
		return c, refuse(UnknownAlgorithm, "Unsupported AWS 'algorithm': '%s'.", name).in(Presigned).
			object(`X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"`)
	}
	if e := c.setCredential(credential); e != nil {
		return c, e
	}
	if e := c.setTime(date); e != nil {
		return c, e
	}
	var ok bool
	if c.SecurityToken, ok = queryValue(r.RawQuery, "X-Amz-Security-Token"); !ok {
		c.SecurityToken = first(r.Header, "X-Amz-Security-Token")
	}
	if !limited {
		return c, nil
	}
	return c, c.setExpires(expires)
}

func (c *Claim) setExpires(s string) *Error {
	n, err := strconv.ParseInt(s, 10, 64)
	words := ""
	switch {
	case err != nil:
		words = "X-Amz-Expires should be a number"
	case n < 1:
		words = "X-Amz-Expires must be non-negative"
	case n > maxExpires:
		words = "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds"
	default:
		c.Expires = time.Duration(n) * time.Second
		return nil
	}
	return refuse(Incomplete, "%s", words).in(c.Form)
}

// hasKey tells whether the query has a parameter of this very name.
func hasKey(query, key string) bool {
	_, ok := rawValue(query, key)
	return ok
}

func rawValue(query, key string) (string, bool) {
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		if k, v, _ := strings.Cut(pair, "="); k == key {
			return v, true
		}
	}
	return "", false
}

// queryValue is the decoded value of the first parameter of this name; one that cannot be decoded
// counts as empty.
func queryValue(query, key string) (string, bool) {
	v, ok := rawValue(query, key)
	if !ok {
		return "", false
	}
	if !strings.ContainsAny(v, "%+") {
		return v, true
	}
	v, _ = url.QueryUnescape(v)
	return v, true
}
