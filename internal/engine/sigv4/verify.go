package sigv4

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"slices"
	"strings"
	"time"
)

// Verifier checks signatures and remembers derived keys. It is safe for concurrent use.
type Verifier struct{ keys *keys }

// NewVerifier makes a verifier that remembers at most this many signing keys.
func NewVerifier(remember int) *Verifier { return &Verifier{newKeys(remember)} }

// Check refuses a claim for reasons that need no secret: what it fails to sign, its age, its scope.
// AWS does this before it looks the access key up. Verify includes it.
func Check(c *Claim, r *Request, now time.Time, want Scope) *Error {
	if c.Form == PresignedV2 {
		return checkV2(c, now, want)
	}
	if e := checkSigned(c, r); e != nil {
		return e
	}
	if e := checkAge(c, now, want); e != nil {
		return e
	}
	return checkScope(c, want)
}

// Verify refuses a claim unless it was made with this secret for this request. The payload hash is
// what Claim.Payload gives or, where that is empty, the Hash of the body; whether the body has the
// hash that it declares is for VerifyBody or Payload to find out.
func (v *Verifier) Verify(c *Claim, r *Request, payloadHash, secret string, now time.Time, want Scope) *Error {
	if c.Form == None {
		return Refuse(NoCredentials)
	}
	if e := Check(c, r, now, want); e != nil {
		return e
	}
	if c.Form == PresignedV2 {
		return verifyV2(c, r, secret)
	}
	if want.objects() {
		if e := checkDeclared(c, payloadHash); e != nil {
			return e
		}
	}
	b := builders.Get().(*builder)
	defer builders.Put(b)
	b.reset()
	if !b.canonical(r, c, payloadHash, want.objects()) {
		return Refuse(MalformedURI).in(c.Form)
	}
	length := len(b.out)
	b.toSign(c)
	var mac [sha256.Size]byte
	var text [2 * sha256.Size]byte
	v.keys.get(secret, c.Date, c.Region, c.Service).sign(mac[:0], b.out[length:])
	hex.Encode(text[:], mac[:])
	if sameText(text[:], c.Signature) {
		return nil
	}
	return c.mismatch(string(b.out[:length]), string(b.out[length:]))
}

// VerifyBody is Verify for a request whose body is at hand; the body is checked against the hash
// that it declares.
func (v *Verifier) VerifyBody(c *Claim, r *Request, body []byte, secret string, now time.Time, want Scope) *Error {
	declared := c.Payload(r, want)
	hash := declared
	if declared != UnsignedPayload && !(want.objects() && declared == "") {
		hash = Hash(body)
	}
	if declared == "" || declared == hash {
		return v.Verify(c, r, hash, secret, now, want)
	}
	// Only who proved to hold the secret learns that the body is at fault.
	if e := v.Verify(c, r, declared, secret, now, want); e != nil {
		return e
	}
	return payloadMismatch(declared, hash).in(c.Form)
}

// toSign writes the string to sign behind the canonical request.
func (b *builder) toSign(c *Claim) {
	sum := sha256.Sum256(b.out)
	b.out = append(append(b.out, algorithm...), '\n')
	b.out = append(append(b.out, c.Timestamp...), '\n')
	b.out = appendScope(b.out, c)
	b.out = hex.AppendEncode(append(b.out, '\n'), sum[:])
}

func appendScope(dst []byte, c *Claim) []byte {
	dst = append(append(dst, c.Date...), '/')
	dst = append(append(dst, c.Region...), '/')
	dst = append(append(dst, c.Service...), '/')
	return append(dst, c.Terminator...)
}

// sameText compares without telling by its time how much was right.
func sameText(ours []byte, theirs string) bool {
	return subtle.ConstantTimeCompare(ours, []byte(theirs)) == 1
}

func (c *Claim) mismatch(canonical, toSign string) *Error {
	e := &Error{Kind: Mismatch, Form: c.Form, Message: mismatchText, CanonicalRequest: canonical, StringToSign: toSign}
	e.with("AWSAccessKeyId", c.AccessKey).with("SignatureProvided", c.Signature).
		with("StringToSign", toSign).with("StringToSignBytes", spacedHex(toSign))
	if canonical != "" {
		e.with("CanonicalRequest", canonical).with("CanonicalRequestBytes", spacedHex(canonical))
	}
	return e
}

// spacedHex is how S3 prints bytes: "47 45 54".
func spacedHex(s string) string {
	out := make([]byte, 0, 3*len(s))
	for i := range len(s) {
		if i > 0 {
			out = append(out, ' ')
		}
		out = hex.AppendEncode(out, []byte{s[i]})
	}
	return string(out)
}

func checkSigned(c *Claim, r *Request) *Error {
	if !c.signs("host") {
		return (&Error{Kind: Unsigned, Form: c.Form, Message: "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."}).
			with("HeadersNotSigned", "host")
	}
	var missing []string
	for name := range r.Header {
		if strings.HasPrefix(name, "X-Amz-") && name != "X-Amz-User-Agent" && !c.signs(name) {
			missing = append(missing, strings.ToLower(name))
		}
	}
	if missing == nil {
		return nil
	}
	slices.Sort(missing)
	e := &Error{Kind: Unsigned, Form: c.Form, Message: "'" + strings.Join(missing, "', '") + "' must be a 'SignedHeader' in the AWS Authorization."}
	return e.with("HeadersNotSigned", strings.Join(missing, ", "))
}

// checkAge allows clocks to differ by 15 minutes, and a presigned request its own lifetime.
func checkAge(c *Claim, now time.Time, want Scope) *Error {
	stamp := func(t time.Time) string { return t.UTC().Format(basicTime) }
	if c.Time.After(now.Add(skew)) {
		return refuse(NotYetValid, "Signature not yet current: %s is still later than %s (%s + 15 min.)",
			c.Timestamp, stamp(now.Add(skew)), stamp(now)).in(c.Form).skewed(c, now, "Request is not valid yet")
	}
	if c.Form == Presigned {
		return checkLifetime(c, now, want)
	}
	if c.Time.Before(now.Add(-skew)) {
		return refuse(Expired, "Signature expired: %s is now earlier than %s (%s - 15 min.)",
			c.Timestamp, stamp(now.Add(-skew)), stamp(now)).in(c.Form).skewed(c, now, "")
	}
	return nil
}

func (e *Error) skewed(c *Claim, now time.Time, presigned string) *Error {
	if c.Form == Presigned {
		return e.object("%s", presigned)
	}
	return e.with("RequestTime", c.Timestamp).
		with("ServerTime", now.UTC().Format("2006-01-02T15:04:05Z")).with("MaxAllowedSkewMilliseconds", "900000")
}

func checkLifetime(c *Claim, now time.Time, want Scope) *Error {
	life := c.Expires
	if life == 0 {
		if want.objects() {
			return refuse(Incomplete, "AWS query-string parameters must include 'X-Amz-Expires'. Re-examine the query-string parameters.").in(Presigned).
				object("Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.")
		}
		life = skew
	}
	end := c.Time.Add(life)
	if !now.After(end) {
		return nil
	}
	e := refuse(PresignExpired, "Signature expired: %s is now earlier than %s (%s - %d min.)", c.Timestamp,
		now.Add(-life).UTC().Format(basicTime), now.UTC().Format(basicTime), int(life/time.Minute)).in(Presigned)
	return e.expired(end, now).with("X-Amz-Expires", int64(life/time.Second))
}

func (e *Error) expired(end, now time.Time) *Error {
	return e.with("Expires", end.UTC().Format("2006-01-02T15:04:05Z")).with("ServerTime", now.UTC().Format("2006-01-02T15:04:05Z"))
}

func checkScope(c *Claim, want Scope) *Error {
	day := c.Timestamp[:8]
	if c.Region == want.Region && c.Service == want.Service && c.Terminator == terminator && c.Date == day {
		return nil
	}
	var all []string
	e := &Error{Kind: WrongScope, Form: c.Form}
	prefix := "The authorization header is malformed; "
	if c.Form == Presigned {
		prefix = "Error parsing the X-Amz-Credential parameter; "
	}
	// S3 names the first thing that is wrong, the others all of them.
	wrong := func(text, words string) {
		all = append(all, text)
		if e.words == "" {
			e.words = prefix + words
		}
	}
	if c.Region != want.Region {
		wrong("Credential should be scoped to a valid region, not '"+c.Region+"'.", "the region '"+c.Region+"' is wrong; expecting '"+want.Region+"'")
		e.with("Region", want.Region)
	}
	if c.Service != want.Service {
		wrong("Credential should be scoped to correct service: '"+want.Service+"'.", `incorrect service "`+c.Service+`". This endpoint belongs to "`+want.Service+`".`)
	}
	if c.Terminator != terminator {
		wrong("Credential should be scoped with a valid terminator: 'aws4_request', not '"+c.Terminator+"'.", `incorrect terminal "`+c.Terminator+`". This endpoint uses "aws4_request".`)
	}
	if c.Date != day {
		wrong("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '"+c.Date+"' != '"+day+"', from '"+c.Timestamp+"'.",
			`Invalid credential date "`+c.Date+`". This date is not the same as X-Amz-Date: "`+day+`".`)
	}
	e.Message = strings.Join(all, " ")
	return e
}
