package diff

import "testing"

// TestDiff30NotModified: the answer that an object has not changed does not repeat its ETag.
func TestDiff30NotModified(t *testing.T) {
	bucket(t, "diff-30")
	etag := root.s3(t, "PUT", "diff-30/key", "bytes").good(t).header.Get("Etag")
	a := root.s3(t, "GET", "diff-30/key", "", "If-None-Match", etag)
	if a.status != 304 || a.header.Get("Etag") != "" {
		t.Errorf("%d with ETag %s", a.status, a.header.Get("Etag"))
	}
}
