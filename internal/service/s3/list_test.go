package s3

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"sort"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"cloister/internal/machine/store"
)

// fill puts records of objects into a bucket without bytes: listings need none.
func fill(t testing.TB, h *house, bucket string, keys ...string) {
	t.Helper()
	err := h.DB.Update(context.Background(), func(tx *store.Tx) error {
		for _, k := range keys {
			if err := objects.Put(tx, store.Key(bucket, k), &object{ID: "none", ETag: "e", Modified: tx.Now}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// naive is what a listing is to give: names and common prefixes together, in order.
func naive(keys []string, prefix, delimiter, after string) (out []string) {
	seen := map[string]bool{}
	for _, k := range keys {
		if !strings.HasPrefix(k, prefix) || k <= after {
			continue
		}
		if delimiter != "" {
			if i := strings.Index(k[len(prefix):], delimiter); i >= 0 {
				k = k[:len(prefix)+i+len(delimiter)]
				if k == after {
					continue
				}
			}
		}
		if !seen[k] {
			seen[k] = true
			out = append(out, k)
		}
	}
	sort.Strings(out)
	return out
}

// pages reads a listing to its end, in pages.
func pages(c *caller, query url.Values, v2 bool) (out []string) {
	c.Helper()
	for range 1000 {
		a := c.do("GET", "/data?"+strings.ReplaceAll(query.Encode(), "+", "%20"), "").good(c)
		var page []string
		for _, k := range append(a.all("Key"), a.all("Prefix")[1:]...) {
			k, err := url.PathUnescape(k)
			if err != nil {
				c.Fatal(err)
			}
			page = append(page, k)
		}
		slices.Sort(page)
		if len(page) > 0 && len(out) > 0 && page[0] <= out[len(out)-1] {
			c.Fatalf("a page begins with %q behind one that ends with %q", page[0], out[len(out)-1])
		}
		out = append(out, page...)
		if a.one("IsTruncated") != "true" {
			return out
		}
		if len(page) == 0 {
			c.Fatal("an empty page says there is more")
		}
		switch next := a.one("NextMarker"); {
		case v2:
			query.Set("continuation-token", a.one("NextContinuationToken"))
		case next != "":
			next, _ = url.PathUnescape(next)
			query.Set("marker", next)
		default:
			query.Set("marker", page[len(page)-1])
		}
	}
	c.Fatal("a listing without an end")
	return nil
}

func TestListingsAreWhatTheyShouldBe(t *testing.T) {
	h, c, _ := bucketFor(t, "data")
	c.do("PUT", "/data0", "").good(t) // a neighbour whose name begins alike
	fill(t, h, "data0", "a", "a/b")
	letters := []rune{'a', 'b', '/', '/', ' ', '%', '+', 'é', '\U0010ffff', '0', '-'}
	word := rapid.StringOfN(rapid.SampledFrom(letters), 1, 6, -1)
	rapid.Check(t, func(r *rapid.T) {
		keys := rapid.SliceOfNDistinct(word, 0, 40, rapid.ID[string]).Draw(r, "keys")
		err := h.DB.Update(context.Background(), func(tx *store.Tx) error { return objects.DeleteAll(tx, store.Prefix("data")) })
		if err != nil {
			r.Fatal(err)
		}
		fill(t, h, "data", keys...)
		prefix := rapid.StringOfN(rapid.SampledFrom(letters), 0, 2, -1).Draw(r, "prefix")
		delimiter := rapid.SampledFrom([]string{"", "/", "a", "//"}).Draw(r, "delimiter")
		after := rapid.SampledFrom(append([]string{""}, keys...)).Draw(r, "after")
		v2 := rapid.Bool().Draw(r, "v2")
		q := url.Values{"prefix": {prefix}, "delimiter": {delimiter}, "encoding-type": {"url"}, "max-keys": {fmt.Sprint(rapid.IntRange(1, 9).Draw(r, "max"))}}
		if v2 {
			q.Set("list-type", "2")
			q.Set("start-after", after)
		} else {
			q.Set("marker", after)
		}
		if got, want := pages(c, q, v2), naive(keys, prefix, delimiter, after); !slices.Equal(got, want) {
			r.Fatalf("listed %q, want %q", got, want)
		}
	})
}

func TestListingsRefuseNonsense(t *testing.T) {
	h, c, _ := bucketFor(t, "data")
	fill(t, h, "data", "a", "b/c", "b/d", "e&<>")
	c.do("GET", "/data?list-type=2&max-keys=-1", "").refused(t, 400, "InvalidArgument")
	c.do("GET", "/data?list-type=2&max-keys=x", "").refused(t, 400, "InvalidArgument")
	c.do("GET", "/data?list-type=2&encoding-type=base64", "").refused(t, 400, "InvalidArgument")
	c.do("GET", "/data?list-type=2&continuation-token=!", "").refused(t, 400, "InvalidArgument").has(t, "Message", "The continuation token provided is incorrect")
	c.do("GET", "/data?list-type=2&continuation-token=", "").refused(t, 400, "InvalidArgument")
	c.do("GET", "/data?list-type=2&max-keys=0", "").good(t).has(t, "IsTruncated", "false").has(t, "KeyCount", "0")
	c.do("GET", "/data?list-type=2&max-keys=5000", "").good(t).has(t, "MaxKeys", "1000").has(t, "KeyCount", "4")
	a := c.do("GET", "/data?list-type=2&delimiter=/&max-keys=2&fetch-owner=true", "").good(t).has(t, "IsTruncated", "true").has(t, "ID", *canonical(account))
	if fmt.Sprint(a.all("Key"), a.all("Prefix")) != "[a] [ b/]" {
		t.Errorf("listed %s", a.Body)
	}
	if a := c.do("GET", "/data", "").good(t); fmt.Sprint(a.all("Key")) != "[a b/c b/d e&<>]" {
		t.Errorf("listed %s", a.Body)
	}
	if a := c.do("GET", "/data?versions&max-keys=2", "").good(t); fmt.Sprint(a.all("Key"), a.all("VersionId")) != "[a b/c] [null null]" || a.one("NextKeyMarker") != "b/c" {
		t.Errorf("listed %s", a.Body)
	}
	if a := c.do("GET", "/data?versions&key-marker=b/c&version-id-marker=null", "").good(t); fmt.Sprint(a.all("Key")) != "[b/d e&<>]" {
		t.Errorf("listed %s", a.Body)
	}
}

func BenchmarkListWithDelimiter(b *testing.B) {
	h, _, _ := bucketFor(b, "data")
	var keys []string
	for i := range 100 {
		for j := range 1000 {
			keys = append(keys, fmt.Sprintf("folder%03d/%05d", i, j))
		}
	}
	fill(b, h, "data", keys...)
	for name, delimiter := range map[string]string{"100 folders of 1000": "/", "first 1000 of 100000": ""} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				sc := scan[object]{delimiter: delimiter, most: maxPage}
				if _, p, err := h.list(b.Context(), new("data"), nil, &sc); err != nil || len(p.prefixes)+len(p.entries) < 100 {
					b.Fatal(err)
				}
			}
		})
	}
}
