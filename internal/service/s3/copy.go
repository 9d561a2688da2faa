package s3

import (
	"net/url"
	"strconv"
	"strings"

	"cloister/internal/frame/api"
)

// source is the object that a copy reads.
type source struct {
	bucket, key string
	version     *string
}

// parseSource reads x-amz-copy-source: bucket/key, escaped, perhaps with a version.
func parseSource(s *string) (source, error) {
	path, query, versioned := strings.Cut(text(s), "?versionId=")
	plain, err := url.PathUnescape(path)
	bucket, key, ok := strings.Cut(strings.TrimPrefix(plain, "/"), "/")
	if err != nil || !ok || bucket == "" || key == "" {
		return source{}, badArgument("x-amz-copy-source", "x-amz-copy-source", "Invalid copy source object key")
	}
	if strings.HasPrefix(bucket, "arn:") {
		return source{}, unimplemented("x-amz-copy-source")
	}
	x := source{bucket: bucket, key: key}
	if versioned {
		x.version = &query
	}
	return x, nil
}

// copying asks to read the source and to write the copy.
func copying(copySource, bucket, key *string, keys []api.Key) []api.Check {
	keys = given(keys, "s3:x-amz-copy-source", copySource)
	out := ask("PutObject", objectARN(bucket, key), keys...)
	x, err := parseSource(copySource)
	if err != nil {
		return out // it will be refused for what it is
	}
	return append(ask(reading(x.version), objectARN(&x.bucket, &x.key), given(nil, "s3:VersionId", x.version)...), out...)
}

// copyRange reads x-amz-copy-source-range, which must lie within the source.
func copyRange(header *string, size int64) (span, error) {
	if header == nil {
		return span{n: size}, nil
	}
	spec, ok := strings.CutPrefix(*header, "bytes=")
	from, to, dash := strings.Cut(spec, "-")
	first, errF := strconv.ParseInt(from, 10, 64)
	last, errL := strconv.ParseInt(to, 10, 64)
	switch {
	case !ok || !dash || !digits(from) || !digits(to) || errF != nil || errL != nil || first > last:
		return span{}, badArgument("x-amz-copy-source-range", *header,
			"The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy")
	case first >= size:
		return span{}, invalidRequest.New("The specified copy range is invalid for the source object size")
	case last >= size:
		return span{}, badArgument("x-amz-copy-source-range", *header, "Range specified is not valid for source object of size: %d", size)
	}
	return span{off: first, n: last - first + 1, partial: true}, nil
}
