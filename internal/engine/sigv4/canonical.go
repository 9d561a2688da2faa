package sigv4

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// EmptyPayload is the hash of no bytes.
const EmptyPayload = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// Hash is the payload hash of a body that is wholly at hand.
func Hash(body []byte) string {
	if len(body) == 0 {
		return EmptyPayload
	}
	sum := sha256.Sum256(body)
	var text [64]byte
	hex.Encode(text[:], sum[:])
	return string(text[:])
}

// pair is one query parameter, as offsets into builder.query.
type pair struct{ key, equal, end int }

// builder makes canonical requests. It is pooled, so that a good request costs no garbage.
type builder struct {
	out   []byte
	query []byte
	pairs []pair
}

var builders = sync.Pool{New: func() any { return &builder{out: make([]byte, 0, 2048)} }}

func (b *builder) reset() { b.out, b.query, b.pairs = b.out[:0], b.query[:0], b.pairs[:0] }

// canonical writes the canonical request into b.out; false means that the path or the query has a
// broken escape.
func (b *builder) canonical(r *Request, c *Claim, payloadHash string, objects bool) bool {
	b.out = append(append(b.out, r.Method...), '\n')
	ok := b.path(r.Path, objects)
	b.out = append(b.out, '\n')
	if !ok || !b.sortedQuery(r.RawQuery, c.Form == Presigned) {
		return false
	}
	b.out = append(b.out, '\n')
	for rest := c.SignedHeaders; rest != ""; {
		var name string
		name, rest, _ = strings.Cut(rest, ";")
		b.header(name, r)
	}
	b.out = append(b.out, '\n')
	b.out = append(b.out, c.SignedHeaders...)
	b.out = append(b.out, '\n')
	b.out = append(b.out, payloadHash...)
	return true
}

// path writes the canonical path. S3 knows every byte of a key, so its path is neither cleaned nor
// encoded twice; for all others "//", "/./" and "/../" are folded and what was sent is encoded again.
func (b *builder) path(p string, objects bool) bool {
	if p != "" && p[0] != '/' {
		return false
	}
	if objects {
		var ok bool
		b.out, ok = appendNormal(b.out, cmp.Or(p, "/"), true)
		return ok
	}
	if !wellEscaped(p) {
		return false
	}
	start := len(b.out)
	for rest := p; rest != ""; {
		var segment string
		segment, rest, _ = strings.Cut(rest, "/")
		switch segment {
		case "", ".":
		case "..":
			b.out = b.out[:max(start, start+bytes.LastIndexByte(b.out[start:], '/'))]
		default:
			b.out = appendEncoded(append(b.out, '/'), segment)
		}
	}
	if len(b.out) == start || strings.HasSuffix(p, "/") {
		b.out = append(b.out, '/')
	}
	return true
}

// sortedQuery writes the parameters sorted by encoded name, then value; presigned leaves the
// signature itself out.
func (b *builder) sortedQuery(raw string, presigned bool) bool {
	for rest := raw; rest != ""; {
		var one string
		one, rest, _ = strings.Cut(rest, "&")
		if one == "" {
			continue
		}
		k, v, _ := strings.Cut(one, "=")
		if presigned && k == "X-Amz-Signature" {
			continue
		}
		p := pair{key: len(b.query)}
		var fine, good bool
		b.query, fine = appendNormal(b.query, k, false)
		p.equal = len(b.query)
		b.query, good = appendNormal(append(b.query, '='), v, false)
		if !fine || !good {
			return false
		}
		p.end = len(b.query)
		b.pairs = append(b.pairs, p)
	}
	if len(b.pairs) > 1 {
		slices.SortFunc(b.pairs, b.compare)
	}
	for i, p := range b.pairs {
		if i > 0 {
			b.out = append(b.out, '&')
		}
		b.out = append(b.out, b.query[p.key:p.end]...)
	}
	return true
}

func (b *builder) compare(x, y pair) int {
	if c := bytes.Compare(b.query[x.key:x.equal], b.query[y.key:y.equal]); c != 0 {
		return c
	}
	return bytes.Compare(b.query[x.equal:x.end], b.query[y.equal:y.end])
}

// header writes one signed header: values trimmed, inner blanks folded, several joined by commas.
func (b *builder) header(name string, r *Request) {
	for i := range len(name) {
		b.out = append(b.out, lower(name[i]))
	}
	b.out = append(b.out, ':')
	if strings.EqualFold(name, "host") {
		b.out = appendFolded(b.out, r.Host)
	} else {
		for i, v := range values(r.Header, name) {
			if i > 0 {
				b.out = append(b.out, ',')
			}
			b.out = appendFolded(b.out, v)
		}
	}
	b.out = append(b.out, '\n')
}

// values looks a header up by its lower-case name without making a string of the canonical one.
func values(h http.Header, name string) []string {
	var buffer [64]byte
	if len(name) > len(buffer) {
		return h.Values(name)
	}
	upper := true
	for i := range len(name) {
		ch := lower(name[i])
		if upper && 'a' <= ch && ch <= 'z' {
			ch -= 'a' - 'A'
		}
		upper = ch == '-'
		buffer[i] = ch
	}
	return h[string(buffer[:len(name)])]
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// appendFolded trims a header value and folds runs of blanks to one space.
func appendFolded(dst []byte, v string) []byte {
	start, blank := len(dst), false
	for i := range len(v) {
		if c := v[i]; c != ' ' && c != '\t' {
			if blank && len(dst) > start {
				dst = append(dst, ' ')
			}
			blank = false
			dst = append(dst, c)
		} else {
			blank = true
		}
	}
	return dst
}

const upperHex = "0123456789ABCDEF"

// plain holds what AWS never escapes.
var plain = func() (t [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~") {
		t[c] = true
	}
	return t
}()

func appendEscape(dst []byte, c byte) []byte {
	return append(dst, '%', upperHex[c>>4], upperHex[c&15])
}

// appendEncoded escapes text once more, escapes in it included.
func appendEncoded(dst []byte, s string) []byte {
	for i := range len(s) {
		if plain[s[i]] {
			dst = append(dst, s[i])
		} else {
			dst = appendEscape(dst, s[i])
		}
	}
	return dst
}

// appendNormal rewrites escaped text with AWS's choice of what is escaped. In a path a slash stays as
// it was sent; in a query "+" is a space.
func appendNormal(dst []byte, s string, path bool) ([]byte, bool) {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '%':
			if i+2 >= len(s) {
				return dst, false
			}
			high, low := unhex(s[i+1]), unhex(s[i+2])
			if high < 0 || low < 0 {
				return dst, false
			}
			i += 2
			if c = byte(high<<4 | low); plain[c] {
				dst = append(dst, c)
			} else {
				dst = appendEscape(dst, c)
			}
		case plain[c], c == '/' && path:
			dst = append(dst, c)
		case c == '+' && !path:
			dst = append(dst, "%20"...)
		default:
			dst = appendEscape(dst, c)
		}
	}
	return dst, true
}

func wellEscaped(s string) bool {
	for i := strings.IndexByte(s, '%'); i >= 0; {
		if i+2 >= len(s) || unhex(s[i+1]) < 0 || unhex(s[i+2]) < 0 {
			return false
		}
		s = s[i+3:]
		i = strings.IndexByte(s, '%')
	}
	return true
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
