package ecr_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"cloister/internal/door/doortest"
)

// upload begins an upload by the API.
func (c client) upload(repository string) string {
	c.t.Helper()
	var out struct {
		UploadId string
		PartSize int64
	}
	c.call("InitiateLayerUpload", map[string]any{"repositoryName": repository}, &out)
	if out.PartSize != 20<<20 {
		c.t.Errorf("parts of %d bytes", out.PartSize)
	}
	return out.UploadId
}

func (c client) part(repository, upload string, first int, data string) *doortest.Answer {
	return c.call("UploadLayerPart", map[string]any{"repositoryName": repository, "uploadId": upload, "partFirstByte": first, "partLastByte": first + len(data) - 1,
		"layerPartBlob": base64.StdEncoding.EncodeToString([]byte(data))}, nil)
}

func TestLayersByTheAPI(t *testing.T) {
	w := open(t)
	w.root.create("app")
	digest := digestOf([]byte("hello world"))
	id := w.root.upload("app")
	complete := func(id string, digests ...string) *doortest.Answer {
		return w.root.call("CompleteLayerUpload", map[string]any{"repositoryName": "app", "uploadId": id, "layerDigests": digests}, nil)
	}
	complete(id, digest).Fault(t, 400, "EmptyUploadException", "The upload with id '"+id+"' does not contain any layer parts")
	if a := w.root.part("app", id, 5, "x"); a.Code != "InvalidLayerPartException" || !strings.Contains(string(a.Body), `"lastValidByteReceived":-1`) || !strings.Contains(string(a.Body), `"uploadId":"`+id+`"`) {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	w.root.part("app", id, 0, "hello world").Good(t)
	if a := complete(id, "sha256:"+strings.Repeat("0", 64)); a.Code != "InvalidLayerException" {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	if a := complete(id, "md5:00"); a.Code != "InvalidLayerException" {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	complete(id, "md5:00", digest).Good(t)
	if a := complete(id, digest); a.Code != "UploadNotFoundException" {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	again := w.root.upload("app")
	w.root.part("app", again, 0, "hello world").Good(t)
	complete(again, digest).Fault(t, 400, "LayerAlreadyExistsException",
		"The layer with digest '"+digest+"' already exists in the repository with name 'app' in the registry with id '111122223333'")
	small := w.root.upload("app")
	w.root.part("app", small, 0, "a").Good(t)
	w.root.part("app", small, 1, "b").Good(t)
	complete(small, digest).Fault(t, 400, "LayerPartTooSmallException", "Layer parts must be at least 5 MiB in size, but for the last")
	var out struct {
		Layers   []struct{ LayerDigest, LayerAvailability string }
		Failures []struct{ FailureCode string }
	}
	missing := "sha256:" + strings.Repeat("0", 64)
	w.root.call("BatchCheckLayerAvailability", map[string]any{"repositoryName": "app", "layerDigests": []string{digest, missing, "nonsense"}}, &out)
	if fmt.Sprint(out) != "{[{"+digest+" AVAILABLE} {"+missing+" UNAVAILABLE}] [{InvalidLayerDigest}]}" {
		t.Error(out)
	}
}

func TestTheAddressOfALayer(t *testing.T) {
	w := open(t)
	w.root.create("app")
	img := paint(t, 2, nil)
	push(t, w.root, "app", "v1", img)
	one, other := digestOf(img.blobs[0]), digestOf(img.blobs[1])
	var out struct{ DownloadUrl string }
	w.root.call("GetDownloadUrlForLayer", map[string]any{"repositoryName": "app", "layerDigest": one}, &out)
	get := func(url, method string) *doortest.Answer {
		r, err := http.NewRequest(method, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		return w.root.told(w.root.Send(r))
	}
	if a := get(out.DownloadUrl, "GET").Good(t); string(a.Body) != string(img.blobs[0]) {
		t.Errorf("%d bytes", len(a.Body))
	}
	for what, a := range map[string]*doortest.Answer{
		"another layer": get(strings.Replace(out.DownloadUrl, one, other, 1), "GET"), "a manifest": get(strings.Replace(out.DownloadUrl, "blobs/"+one, "manifests/v1", 1), "GET"), "as a password": w.root.ask("GET", "/v2/", out.DownloadUrl[strings.Index(out.DownloadUrl, "=")+1:], ""),
	} {
		if a.Status != 401 {
			t.Errorf("%s: %d %s", what, a.Status, a.Body)
		}
	}
	w.Pass(61 * time.Minute)
	if a := get(out.DownloadUrl, "GET"); a.Status != 403 {
		t.Errorf("an hour later: %d", a.Status)
	}
	w.root.call("GetDownloadUrlForLayer", map[string]any{"repositoryName": "app", "layerDigest": "sha256:" + strings.Repeat("0", 64)}, nil).Fault(t, 400, "LayersNotFoundException",
		"The layer with digest 'sha256:"+strings.Repeat("0", 64)+"' does not exist in the repository with name 'app' in the registry with id '111122223333'")
}

// What nobody speaks of any more goes, and nothing else.
func TestBytesGoWithTheLastWhoHasThem(t *testing.T) {
	w := open(t)
	w.root.create("aa", "bb")
	base := paint(t, 1, nil)
	push(t, w.root, "aa", "v1", base)
	push(t, w.root, "bb", "v1", base) // the same bytes, uploaded twice
	p := w.root.password()
	w.root.ask("POST", "/v2/aa/blobs/uploads/", p, "").Good(t)
	half := path(w.root.ask("POST", "/v2/aa/blobs/uploads/", p, "").Good(t))
	w.root.ask("PATCH", half, p, "half").Good(t)
	if n := w.keep(t); n != 5 {
		t.Errorf("%d blobs", n)
	}
	w.root.call("BatchDeleteImage", map[string]any{"repositoryName": "aa", "imageIds": []any{map[string]any{"imageTag": "v1"}}}, nil).Good(t)
	if n := w.keep(t); n != 5 {
		t.Errorf("right after an image was deleted: %d blobs", n)
	}
	w.Pass(25 * time.Hour)
	if n := w.keep(t); n != 2 {
		t.Errorf("a day later: %d blobs", n)
	}
	w.again(t)
	w.root.check(w.root.password(), "bb", "v1", base)
	w.root.call("DeleteRepository", map[string]any{"repositoryName": "bb"}, nil).Fault(t, 400, "RepositoryNotEmptyException",
		"The repository with name 'bb' in registry with id '111122223333' cannot be deleted because it still contains images")
	w.root.call("DeleteRepository", map[string]any{"repositoryName": "bb", "force": true}, nil).Good(t)
	if n := w.keep(t); n != 0 {
		t.Errorf("without a repository: %d blobs", n)
	}
}
