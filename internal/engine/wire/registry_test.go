package wire

import (
	"strings"
	"testing"

	"cloister/internal/value/fault"
	"cloister/internal/value/model"
)

func TestRegistriesPathsEndBehindTheirNames(t *testing.T) {
	m := model.MustLoad("ecrdkr")
	for request, want := range map[string]string{
		"GET /1/v2/": "CheckVersion", "GET /1/v2": "CheckVersion", "GET /1/v2/_catalog": "ListRepositories", "GET /1/v2/a/tags/list": "ListTags",
		"GET /1/v2/a/b/c/manifests/v1": "GetManifest a/b/c v1", "HEAD /1/v2/a/manifests/sha256:0": "HeadManifest a sha256:0", "PUT /1/v2/a/manifests/v1": "PutManifest a v1",
		"GET /1/v2/a/blobs/sha256:0": "GetBlob a", "POST /1/v2/a/b/blobs/uploads/": "StartUpload a/b", "POST /1/v2/a/blobs/uploads": "StartUpload a",
		"PATCH /1/v2/blobs/uploads/blobs/uploads/u": "PatchUpload blobs/uploads", "GET /1/v2/a/blobs/uploads/u": "GetUpload a", "GET /1/v2/a/referrers/sha256:0": "ListReferrers a",
		"GET /1/v2/manifests/v1": "", "GET /1/v2/a/blobs": "", "POST /1/v2/blobs/uploads/": "", "DELETE /1/v2/a/blobs/sha256:0": "", "GET /1/v3/a/tags/list": "",
	} {
		method, path, _ := strings.Cut(request, " ")
		r := &Request{Method: method, Path: path, Header: map[string][]string{}}
		got := ""
		if op, err := Route(m, r); err == nil {
			labels, _ := routeOf(op).match(r)
			got = strings.TrimSpace(op.Name + " " + labels["name"] + " " + labels["reference"])
		}
		if want == "ListTags" {
			want = "ListTags a"
		}
		if got != want {
			t.Errorf("%s is %q, want %q", request, got, want)
		}
	}
}

func TestFaultsOfRegistries(t *testing.T) {
	m := model.MustLoad("ecrdkr")
	for _, c := range []struct {
		f          *fault.Fault
		body, asks string
	}{
		{fault.Kind{Code: "AccessDeniedException", Status: 403}.New(`no "way"`), `{"errors":[{"code":"DENIED","message":"no \"way\""}]}`, ""},
		{fault.Kind{Code: "NAME_UNKNOWN", Status: 404}.New("none"), `{"errors":[{"code":"NAME_UNKNOWN","message":"none"}]}`, ""},
		{Unknown(m, "x"), `{"errors":[{"code":"UNSUPPORTED","message":"The operation is unsupported."}]}`, ""},
		{fault.Internal.New("sorry"), `{"errors":[{"code":"UNKNOWN","message":"sorry"}]}`, ""},
		{fault.Kind{Code: "UNAUTHORIZED", Status: 401}.New("who?").With("Realm", "https://h/\r\nx"), `{"errors":[{"code":"UNAUTHORIZED","message":"who?"}]}`, `Basic realm="https://h/  x",service="ecr.amazonaws.com"`},
	} {
		w := EncodeFault(m, nil, c.f, "id")
		if string(w.Bytes) != c.body || w.Header.Get("Www-Authenticate") != c.asks || w.Status != c.f.Status || w.Header.Get("Docker-Distribution-Api-Version") != "registry/2.0" {
			t.Errorf("%d %s %v", w.Status, w.Bytes, w.Header)
		}
	}
	if w := EncodeFault(m, m.Operations["HeadManifest"], fault.Internal.New("sorry"), "id"); len(w.Bytes) != 0 {
		t.Errorf("an answer to HEAD has %s", w.Bytes)
	}
}

func TestECRTellsOfTheFirstParameter(t *testing.T) {
	found := []violation{
		{path: "a", constraint: "Member must satisfy regular expression pattern: [a-z]+"}, {path: "b", constraint: "Member must not be null"},
	}
	m := model.MustLoad("ecr")
	if f := coralVerdict(m, found); f.Code != "InvalidParameterException" || f.Message != "Invalid parameter at 'a' failed to satisfy constraint: 'must satisfy regular expression '[a-z]+''" {
		t.Error(f)
	}
	if f := coralVerdict(m, found[1:]); f.Message != "Invalid parameter at 'b' failed to satisfy constraint: 'must not be null'" {
		t.Error(f)
	}
}
