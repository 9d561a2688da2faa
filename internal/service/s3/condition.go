package s3

import (
	"strconv"
	"strings"
	"time"
)

// conditions are what a request demands of the object it reads. The names are those of its headers.
type conditions struct {
	match, noneMatch *string
	modified         *time.Time // If-Modified-Since
	unmodified       *time.Time // If-Unmodified-Since
	// copies says that the object is the source of a copy, where nothing is "not modified".
	copies bool
}

// check compares an object, in the order of RFC 9110.
func (c *conditions) check(o *object) error {
	prefix := ""
	if c.copies {
		prefix = "x-amz-copy-source-"
	}
	switch {
	case c.match != nil && !matches(*c.match, o.ETag):
		return failed(prefix + "If-Match")
	case c.match == nil && c.unmodified != nil && o.Modified.After(*c.unmodified):
		return failed(prefix + "If-Unmodified-Since")
	case c.noneMatch != nil && matches(*c.noneMatch, o.ETag):
		return c.notModified("If-None-Match")
	case c.noneMatch == nil && c.modified != nil && !o.Modified.After(*c.modified):
		return c.notModified("If-Modified-Since")
	}
	return nil
}

func (c *conditions) notModified(name string) error {
	if c.copies {
		return failed("x-amz-copy-source-" + name)
	}
	return notModified.New("Not Modified")
}

// matches tells whether a list of entity tags names this one.
func matches(list, etag string) bool {
	for t := range strings.SplitSeq(list, ",") {
		t = strings.Trim(strings.TrimPrefix(strings.TrimSpace(t), "W/"), `"`)
		if t == "*" || t == etag {
			return true
		}
	}
	return false
}

// writable checks the conditions of a write against what the key holds, which may be nothing.
func writable(old *object, key string, match, noneMatch *string) error {
	switch {
	case noneMatch != nil && *noneMatch != "*":
		return notImplemented.New("A header you provided implies functionality that is not implemented").
			With("Header", "If-None-Match").With("additionalMessage", "We don't accept the provided value of If-None-Match header for this API")
	case noneMatch != nil && old != nil:
		return failed("If-None-Match")
	case match != nil && old == nil:
		return missingKey(key)
	case match != nil && !matches(*match, old.ETag):
		return failed("If-Match")
	}
	return nil
}

// span is the part of an object to send.
type span struct {
	off, n int64
	// partial says that it was asked for; part is the number of the part it is, 0 for none.
	partial bool
	part    int
}

// contentRange is the header that says which part of the whole is sent; nil for the whole.
func (s span) contentRange(size int64) *string {
	if !s.partial || s.n == 0 {
		return nil
	}
	return new("bytes " + strconv.FormatInt(s.off, 10) + "-" + strconv.FormatInt(s.off+s.n-1, 10) + "/" + strconv.FormatInt(size, 10))
}

// choose finds the span that a request asks for.
func choose(o *object, parts []piece, header *string, part *int32) (span, error) {
	whole := span{n: o.Size}
	switch {
	case header != nil && part != nil:
		return whole, invalidRequest.New("Cannot specify both Range header and partNumber query parameter")
	case part != nil:
		return choosePart(parts, int(*part))
	case header == nil:
		return whole, nil
	}
	first, last, ok := parseRange(*header, o.Size)
	if !ok {
		return whole, nil // what is no range, or more than one, is not looked at
	}
	if first > last || first >= o.Size {
		return whole, invalidRange.New("The requested range is not satisfiable").
			With("RangeRequested", *header).With("ActualObjectSize", strconv.FormatInt(o.Size, 10))
	}
	return span{off: first, n: last - first + 1, partial: true}, nil
}

func choosePart(parts []piece, n int) (span, error) {
	if n < 1 || n > maxParts {
		return span{}, badArgument("partNumber", strconv.Itoa(n), "Part number must be an integer between 1 and 10000, inclusive")
	}
	if n > len(parts) {
		return span{}, invalidPartNumber.New("The requested partnumber is not satisfiable").
			With("PartNumberRequested", n).With("ActualPartCount", len(parts))
	}
	s := span{partial: true, part: n}
	for _, p := range parts[:n-1] {
		s.off += p.Size
	}
	s.n = parts[n-1].Size
	return s, nil
}

// parseRange reads a single range of bytes; it is empty (first after last) where nothing satisfies it.
func parseRange(header string, size int64) (first, last int64, ok bool) {
	spec, ok := strings.CutPrefix(strings.TrimSpace(header), "bytes=")
	from, to, dash := strings.Cut(spec, "-")
	if !ok || !dash || !digits(from) || !digits(to) || from == "" && to == "" {
		return 0, 0, false
	}
	f, errF := strconv.ParseInt("0"+from, 10, 64)
	t, errT := strconv.ParseInt("0"+to, 10, 64)
	switch {
	case errF != nil:
		return 1, 0, true // begins behind anything
	case errT != nil:
		t = size
	}
	switch {
	case from == "":
		if t == 0 {
			return 1, 0, true
		}
		return max(0, size-t), size - 1, true
	case to == "":
		return f, size - 1, true
	case f > t:
		return 0, 0, false
	}
	return f, min(t, size-1), true
}

func digits(s string) bool { return strings.Trim(s, "0123456789") == "" }
