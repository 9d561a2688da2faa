package ecr_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

func push(t testing.TB, c client, repository, reference string, p picture) {
	t.Helper()
	c.push(c.password(), repository, reference, p).Good(t)
}

func TestImagesArePushedAndPulled(t *testing.T) {
	w := open(t)
	w.root.create("team/app")
	img := paint(t, 3, nil)
	push(t, w.root, "team/app", "v1", img)
	push(t, w.root, "team/app", "v1", img) // again
	p := w.root.password()
	w.root.check(p, "team/app", "v1", img)
	w.root.check(p, "team/app", img.digest(), img)
	if a := w.root.ask("HEAD", "/v2/team/app/manifests/v1", p, "").Good(t); a.Header.Get("Content-Length") != fmt.Sprint(len(img.manifest)) || a.Header.Get("Docker-Content-Digest") != img.digest() {
		t.Error(a.Header)
	}
	if a := w.root.ask("GET", "/v2/team/app/tags/list", p, "").Good(t); string(a.Body) != `{"name":"team/app","tags":["v1"]}` {
		t.Errorf("%s", a.Body)
	}
	if a := w.root.ask("GET", "/v2/_catalog", p, "").Good(t); string(a.Body) != `{"repositories":["team/app"]}` {
		t.Errorf("%s", a.Body)
	}
	var out struct {
		ImageDetails []struct {
			ImageDigest, ImageManifestMediaType string
			ImageTags                           []string
			ImageSizeInBytes                    int64
			ImagePushedAt, LastRecordedPullTime float64
		}
	}
	w.root.call("DescribeImages", map[string]any{"repositoryName": "team/app"}, &out)
	if x := out.ImageDetails; len(x) != 1 || x[0].ImageDigest != img.digest() || fmt.Sprint(x[0].ImageTags) != "[v1]" || x[0].ImageSizeInBytes < 300_000 ||
		x[0].ImagePushedAt == 0 || x[0].LastRecordedPullTime == 0 || x[0].ImageManifestMediaType != ociManifest {
		t.Errorf("%+v", x)
	}
	w.root.ask("DELETE", "/v2/team/app/manifests/"+img.digest(), p, "").Good(t)
	if a := w.root.ask("HEAD", "/v2/team/app/manifests/v1", p, ""); a.Status != 404 {
		t.Errorf("after it was deleted: %d", a.Status)
	}
}

func TestTagsAreListedInPages(t *testing.T) {
	w := open(t)
	w.root.create("app")
	p, img := w.root.password(), paint(t, 1, nil)
	for i := range 5 {
		w.root.push(p, "app", fmt.Sprintf("v%d", i), img).Good(t)
	}
	next, pages := "/v2/app/tags/list?n=2", ""
	for next != "" && len(pages) < 1000 {
		a := w.root.ask("GET", next, p, "").Good(t)
		pages += string(a.Body)
		next, _, _ = strings.Cut(strings.TrimPrefix(a.Header.Get("Link"), "<"), ">")
	}
	if pages != `{"name":"app","tags":["v0","v1"]}{"name":"app","tags":["v2","v3"]}{"name":"app","tags":["v4"]}` {
		t.Error(pages)
	}
	if a := w.root.ask("GET", "/v2/app/tags/list?n=-1", p, ""); a.Status != 400 {
		t.Errorf("a negative number: %d", a.Status)
	}
}

func TestListsOfManifests(t *testing.T) {
	w := open(t)
	w.root.create("many")
	list := gather(t, paint(t, 2, nil), paint(t, 1, nil), gather(t, paint(t, 1, nil)))
	push(t, w.root, "many", "all", list)
	password := w.root.password()
	w.root.check(password, "many", "all", list)
	child := list.children[0].digest()
	var out struct {
		Failures []struct{ FailureCode, FailureReason string }
	}
	w.root.call("BatchDeleteImage", map[string]any{"repositoryName": "many", "imageIds": []any{map[string]any{"imageDigest": child}}}, &out)
	if len(out.Failures) != 1 || out.Failures[0].FailureCode != "ImageReferencedByManifestList" ||
		out.Failures[0].FailureReason != "Requested image referenced by manifest list: ["+list.digest()+"]" {
		t.Fatalf("%+v", out)
	}
	w.root.ask("DELETE", "/v2/many/manifests/"+child, password, "").Fault(t, 405, "DENIED", out.Failures[0].FailureReason)
	orphan := string(gather(t, paint(t, 1, nil)).manifest)
	if a := w.root.ask("PUT", "/v2/many/manifests/orphan", password, orphan); a.Status != 404 || a.Code != "MANIFEST_UNKNOWN" {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	// Both in one request, in whatever order.
	w.root.call("BatchDeleteImage", map[string]any{"repositoryName": "many", "imageIds": []any{map[string]any{"imageDigest": child}, map[string]any{"imageTag": "all"}}}, &out)
	if len(out.Failures) != 0 {
		t.Errorf("%+v", out)
	}
}

func TestUploadsInParts(t *testing.T) {
	w := open(t)
	w.root.create("parts")
	p := w.root.password()
	begin := func() string {
		a := w.root.ask("POST", "/v2/parts/blobs/uploads/", p, "").Good(t)
		at, ok := strings.CutPrefix(a.Header.Get("Location"), "https://"+host)
		if a.Status != 202 || !ok || a.Header.Get("Range") != "0-0" || a.Header.Get("Docker-Upload-Uuid") == "" {
			t.Fatalf("%d %v", a.Status, a.Header)
		}
		return at
	}
	at := begin()
	if a := w.root.ask("PATCH", at, p, "hello ", "Content-Range", "0-5").Good(t); a.Header.Get("Range") != "0-5" {
		t.Error(a.Header)
	}
	w.again(t) // the sum so far is on record
	if a := w.root.ask("PATCH", at, p, "again", "Content-Range", "0-4"); a.Status != 416 || a.Code != "BLOB_UPLOAD_INVALID" {
		t.Errorf("a part out of place: %d %s", a.Status, a.Body)
	}
	if a := w.root.ask("GET", at, p, "").Good(t); a.Status != 204 || a.Header.Get("Range") != "0-5" {
		t.Errorf("%d %v", a.Status, a.Header)
	}
	digest := "sha256:b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"
	if a := w.root.ask("PUT", at+"?digest=sha256:"+strings.Repeat("0", 64), p, ""); a.Status != 400 || a.Code != "DIGEST_INVALID" {
		t.Errorf("a wrong digest: %d %s", a.Status, a.Body)
	}
	a := w.root.ask("PUT", at+"?digest="+digest, p, "world").Good(t)
	if a.Status != 201 || a.Header.Get("Location") != "https://"+host+"/v2/parts/blobs/"+digest || a.Header.Get("Docker-Content-Digest") != digest {
		t.Errorf("%d %v", a.Status, a.Header)
	}
	w.root.ask("PUT", at+"?digest="+digest, p, "").Fault(t, 404, "BLOB_UPLOAD_UNKNOWN", fmt.Sprintf(
		"The upload with id '%s' could not be found in the repository with name 'parts' in the registry with id '111122223333'", at[strings.LastIndex(at, "/")+1:]))
	for header, want := range map[string]string{"": "hello world", "bytes=6-": "world", "bytes=0-4": "hello", "bytes=3-7": "lo wo", "bytes=-3": "rld", "bytes=1-2,4-5": "hello world"} {
		a := w.root.ask("GET", "/v2/parts/blobs/"+digest, p, "", "Range", header).Good(t)
		if string(a.Body) != want || (a.Status == 206) != (len(want) < 11) {
			t.Errorf("%q: %d %q", header, a.Status, a.Body)
		}
	}
	if a := w.root.ask("GET", "/v2/parts/blobs/"+digest, p, "", "Range", "bytes=11-"); a.Status != 416 {
		t.Errorf("behind the end: %d", a.Status)
	}
	if a := w.root.ask("HEAD", "/v2/parts/blobs/"+digest, p, "").Good(t); a.Header.Get("Content-Length") != "11" {
		t.Error(a.Header)
	}
	gone := begin()
	w.root.ask("DELETE", gone, p, "").Good(t)
	if a := w.root.ask("GET", gone, p, ""); a.Status != 404 {
		t.Errorf("an upload that was given up: %d", a.Status)
	}
	whole := w.root.ask("POST", "/v2/parts/blobs/uploads/?digest=sha256:"+"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824", p, "hello").Good(t)
	if whole.Status != 201 {
		t.Errorf("in one request: %d", whole.Status)
	}
}

// TestUploadsInCrumbs: who uploads byte by byte does not make as many files.
func TestUploadsInCrumbs(t *testing.T) {
	w := open(t)
	w.root.create("crumbs")
	p := w.root.password()
	at, _ := strings.CutPrefix(w.root.ask("POST", "/v2/crumbs/blobs/uploads/", p, "").Good(t).Header.Get("Location"), "https://"+host)
	var all strings.Builder
	for i := range 200 {
		part := fmt.Sprintf("%d,", i)
		w.root.ask("PATCH", at, p, part, "Content-Range", fmt.Sprintf("%d-%d", all.Len(), all.Len()+len(part)-1)).Good(t)
		all.WriteString(part)
		if i == 100 {
			w.again(t)
			w.root.ask("PATCH", at, p, "").Good(t)
		}
	}
	if n := w.keep(t); n != 64 {
		t.Errorf("%d blobs", n)
	}
	large := strings.Repeat("x", 5<<20) // the last crumbs go with it
	w.root.ask("PATCH", at, p, large).Good(t)
	w.root.ask("PATCH", at, p, "end").Good(t)
	whole := all.String() + large + "end"
	digest := digestOf([]byte(whole))
	w.root.ask("PUT", at+"?digest="+digest, p, "").Good(t)
	if n := w.keep(t); n != 65 {
		t.Errorf("%d blobs", n)
	}
	for header, want := range map[string]string{"": whole, "bytes=3-700": whole[3:701], fmt.Sprintf("bytes=%d-", len(whole)-4): "xend"} {
		if a := w.root.ask("GET", "/v2/crumbs/blobs/"+digest, p, "", "Range", header).Good(t); string(a.Body) != want {
			t.Errorf("%s: %d bytes of %d", header, len(a.Body), len(want))
		}
	}
}

// cut is a body that ends before it should.
type cut struct{ left int }

func (c *cut) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, errors.New("the line is cut")
	}
	n := min(len(p), c.left)
	c.left -= n
	return n, nil
}

func TestAPartThatIsCutLeavesNothing(t *testing.T) {
	w := open(t)
	w.root.create("parts")
	p := w.root.password()
	at := w.root.ask("POST", "/v2/parts/blobs/uploads/", p, "").Good(t).Header.Get("Location")
	r, err := http.NewRequest("PATCH", at, io.NopCloser(&cut{300_000}))
	if err != nil {
		t.Fatal(err)
	}
	r.ContentLength = 1 << 20
	r.SetBasicAuth("AWS", p)
	if _, err := w.root.transport().RoundTrip(r); err == nil {
		t.Fatal("a request without its end was answered")
	}
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		n := 0
		for _, err := range w.blobs.All(t.Context(), "ecr/") {
			if n++; err != nil {
				t.Fatal(err)
			}
		}
		if n == 0 || time.Now().After(deadline) {
			if n > 0 {
				t.Errorf("%d blobs are left", n)
			}
			break
		}
	}
	if a := w.root.ask("GET", strings.TrimPrefix(at, "https://"+host), p, "").Good(t); a.Header.Get("Range") != "0-0" {
		t.Errorf("the upload has %s", a.Header.Get("Range"))
	}
}

func TestOfPartsAtOnceOneIsTaken(t *testing.T) {
	w := open(t)
	w.root.create("parts")
	p := w.root.password()
	at := strings.TrimPrefix(w.root.ask("POST", "/v2/parts/blobs/uploads/", p, "").Good(t).Header.Get("Location"), "https://"+host)
	var wg sync.WaitGroup
	taken := make([]int, 8)
	for i := range taken {
		wg.Go(func() {
			taken[i] = w.root.ask("PATCH", at, p, strings.Repeat(fmt.Sprint(i), 200_000), "Content-Range", "0-199999").Status
		})
	}
	wg.Wait()
	if n := strings.Count(fmt.Sprint(taken), "202"); n != 1 {
		t.Error(taken)
	}
	if a := w.root.ask("GET", at, p, "").Good(t); a.Header.Get("Range") != "0-199999" {
		t.Errorf("the upload has %s", a.Header.Get("Range"))
	}
}

func TestTheSameImageByManyAtOnce(t *testing.T) {
	w := open(t)
	w.root.create("busy")
	img, p := paint(t, 2, nil), w.root.password()
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			if a := w.root.push(p, "busy", fmt.Sprintf("v%d", i), img); a.Status != 201 {
				t.Errorf("%d %s", a.Status, a.Body)
			}
		})
	}
	wg.Wait()
	var out struct{ ImageIds []struct{ ImageTag string } }
	if w.root.call("ListImages", map[string]any{"repositoryName": "busy"}, &out); len(out.ImageIds) != 6 {
		t.Error(out)
	}
	w.root.check(p, "busy", "v5", img)
	if n := w.keep(t); n != 3 {
		t.Errorf("%d blobs for two layers and a configuration", n)
	}
}

func TestLayersAreMountedFromWhereTheCallerMayHaveThem(t *testing.T) {
	w := open(t)
	w.root.create("from", "to")
	img := paint(t, 1, nil)
	push(t, w.root, "from", "v1", img)
	d := digestOf(img.blobs[0])
	mount := "/v2/to/blobs/uploads/?mount=" + d + "&from=from"
	only := w.user(t, "only", "ecr:GetAuthorizationToken", "ecr:InitiateLayerUpload")
	if a := only.ask("POST", mount, only.password(), "").Good(t); a.Status != 202 {
		t.Errorf("who may not have the layer there mounts it: %d", a.Status)
	}
	if a := w.root.ask("POST", "/v2/to/blobs/uploads/?mount="+d+"&from=none", w.root.password(), "").Good(t); a.Status != 202 {
		t.Errorf("from nowhere: %d", a.Status)
	}
	if a := w.root.ask("POST", mount, w.root.password(), "").Good(t); a.Status != 201 {
		t.Errorf("mount: %d", a.Status)
	}
	w.root.call("DeleteRepository", map[string]any{"repositoryName": "from", "force": true}, nil).Good(t)
	w.keep(t)
	if a := w.root.ask("GET", "/v2/to/blobs/"+d, w.root.password(), "").Good(t); !bytes.Equal(a.Body, img.blobs[0]) {
		t.Error("the mounted layer is not what it was")
	}
}

func TestManifestsThatAreNone(t *testing.T) {
	w := open(t)
	w.root.create("strict")
	p := w.root.password()
	zero := "sha256:" + strings.Repeat("0", 64)
	config := `"config":{"mediaType":"a","digest":"` + zero + `","size":1}`
	for body, want := range map[string]string{
		"{": "MANIFEST_INVALID", `{"schemaVersion":1}`: "MANIFEST_INVALID", `{"schemaVersion":2}`: "MANIFEST_INVALID", "null": "MANIFEST_INVALID",
		`{"schemaVersion":2,"mediaType":"text/plain",` + config + `}`:                                                                   "MANIFEST_INVALID",
		`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",` + config + `}`:                                   "MANIFEST_BLOB_UNKNOWN",
		`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json",` + config + `}`:                                      "MANIFEST_INVALID",
		`{"schemaVersion":2,"config":{"digest":"sha256:../../x"}}`:                                                                      "MANIFEST_INVALID",
		`{"schemaVersion":2,"manifests":[],` + config + `,"subject":{"digest":"x"}}`:                                                    "MANIFEST_INVALID",
		`{"schemaVersion":2,` + config + `,"layers":[` + strings.Repeat(`{"digest":"`+zero+`"},`, 4200) + `{"digest":"` + zero + `"}]}`: "MANIFEST_INVALID",
		strings.Repeat(" ", 4<<20) + `{}`:                                                                                               "SIZE_INVALID", // beyond what this door takes
	} {
		if a := w.root.ask("PUT", "/v2/strict/manifests/v1", p, body); a.Code != want {
			t.Errorf("%.120s: %d %.200s, want %s", body, a.Status, a.Body, want)
		}
	}
	if a := w.root.ask("PUT", "/v2/strict/manifests/"+zero, p, `{"schemaVersion":2,`+config+`}`); a.Code != "DIGEST_INVALID" {
		t.Errorf("another digest: %d %s", a.Status, a.Body)
	}
	img := paint(t, 1, nil)
	push(t, w.root, "strict", "v1", img)
	raw := img.manifest
	if a := w.root.ask("PUT", "/v2/strict/manifests/-x", p, string(raw)); a.Code != "MANIFEST_INVALID" {
		t.Errorf("a bad tag: %d %s", a.Status, a.Body)
	}
	if a := w.root.ask("PUT", "/v2/strict/manifests/v2", p, string(raw), "Content-Type", "application/vnd.oci.image.index.v1+json"); a.Code != "MANIFEST_INVALID" {
		t.Errorf("another type: %d %s", a.Status, a.Body)
	}
}

func TestImmutableTags(t *testing.T) {
	w := open(t)
	w.root.call("CreateRepository", map[string]any{"repositoryName": "fixed", "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
		"imageTagMutabilityExclusionFilters": []any{map[string]any{"filterType": "WILDCARD", "filter": "dev*"}}}, nil).Good(t)
	one := paint(t, 1, nil)
	push(t, w.root, "fixed", "v1", one)
	push(t, w.root, "fixed", "v1", one) // the same is no change
	push(t, w.root, "fixed", "dev-a", one)
	push(t, w.root, "fixed", "dev-a", paint(t, 1, nil))
	w.root.push(w.root.password(), "fixed", "v1", paint(t, 1, nil)).Fault(t, 400, "TAG_INVALID",
		"The image tag 'v1' already exists in the 'fixed' repository and cannot be overwritten because the tag is immutable.")
	w.root.call("PutImageTagMutability", map[string]any{"repositoryName": "fixed", "imageTagMutability": "MUTABLE"}, nil).Good(t)
	push(t, w.root, "fixed", "v1", paint(t, 1, nil))
}

func TestReferrers(t *testing.T) {
	w := open(t)
	w.root.create("signed")
	img := paint(t, 1, nil)
	push(t, w.root, "signed", "v1", img)
	about := paint(t, 1, map[string]any{"subject": partOf(img.kind, img.manifest), "artifactType": "application/x-signature"})
	p := w.root.password()
	if a := w.root.push(p, "signed", about.digest(), about).Good(t); a.Header.Get("Oci-Subject") != img.digest() {
		t.Error(a.Header)
	}
	type index struct {
		Manifests []struct{ Digest, ArtifactType string }
	}
	for query, want := range map[string]int{"": 1, "?artifactType=application/x-signature": 1, "?artifactType=other": 0} {
		var got index
		if w.root.ask("GET", "/v2/signed/referrers/"+img.digest()+query, p, "").Good(t).JSON(t, &got); len(got.Manifests) != want {
			t.Errorf("%s: %+v", query, got)
		}
	}
}
