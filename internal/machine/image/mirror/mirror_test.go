package mirror_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"

	"cloister/internal/machine/image"
	"cloister/internal/machine/image/mirror"
)

// registry is one of an operator's: it has what is in things, and lets in who has its password.
type registry struct {
	*httptest.Server
	mu     sync.Mutex
	things map[string][]byte // by path
	scheme string            // of its challenge; empty lets everyone in
	asked  []string
}

func open(t *testing.T, scheme string) *registry {
	r := &registry{things: map[string][]byte{}, scheme: scheme}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *registry) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = append(r.asked, q.URL.Path)
	user, password, basic := q.BasicAuth()
	known := basic && user == "ann" && password == "pa:ss"
	switch {
	case q.URL.Path == "/token" && known && q.URL.Query().Get("scope") == "repository:sub/app:pull" && q.URL.Query().Get("service") == "registry":
		io.WriteString(w, `{"token":"good"}`)
	case q.URL.Path == "/token":
		w.WriteHeader(http.StatusUnauthorized)
	case r.scheme == "Basic" && !known:
		w.Header().Set("Www-Authenticate", `Basic realm="x"`)
		w.WriteHeader(http.StatusUnauthorized)
	case r.scheme == "Bearer" && q.Header.Get("Authorization") != "Bearer good":
		w.Header().Set("Www-Authenticate", `Bearer realm="`+r.URL+`/token",service="registry",scope="repository:sub/app:pull"`)
		w.WriteHeader(http.StatusUnauthorized)
	case r.things[q.URL.Path] == nil:
		w.WriteHeader(http.StatusNotFound)
	default:
		w.Write(r.things[q.URL.Path])
	}
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// have puts an image into the registry, alone and on a list.
func (r *registry) have(t *testing.T) {
	img, err := image.Build(t.Context(), map[string]image.File{"/x": {Data: []byte("1")}}, image.Config{User: "7"})
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := img.RawManifest()
	config, _ := img.RawConfigFile()
	layers, _ := img.Layers()
	in, err := layers[0].Compressed()
	if err != nil {
		t.Fatal(err)
	}
	layer, _ := io.ReadAll(in)
	list, _ := json.Marshal(map[string]any{"schemaVersion": 2, "manifests": []any{
		map[string]any{"digest": "sha256:other", "platform": map[string]string{"os": "windows", "architecture": runtime.GOARCH}},
		map[string]any{"digest": digestOf(raw), "platform": map[string]string{"os": "linux", "architecture": runtime.GOARCH}},
	}})
	r.things["/v2/sub/app/manifests/one"], r.things["/v2/sub/app/manifests/"+digestOf(raw)], r.things["/v2/sub/app/manifests/many"] = raw, raw, list
	r.things["/v2/sub/app/blobs/"+digestOf(config)], r.things["/v2/sub/app/blobs/"+digestOf(layer)] = config, layer
	r.things["/v2/sub/app/manifests/other"] = []byte(`{"manifests":[]}`)
	r.things["/v2/sub/app/manifests/"+digestOf([]byte("a"))] = []byte("b")
}

func (r *registry) mirror(t *testing.T, user *url.Userinfo) *mirror.Registry {
	at, err := url.Parse(r.URL + "/sub")
	if err != nil {
		t.Fatal(err)
	}
	at.User = user
	return &mirror.Registry{Base: at, Client: r.Client()}
}

func TestImagesArePulled(t *testing.T) {
	for _, scheme := range []string{"", "Basic", "Bearer"} {
		r := open(t, scheme)
		r.have(t)
		m := r.mirror(t, url.UserPassword("ann", "pa:ss"))
		store, err := image.Open(t.TempDir(), image.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var digests []image.Digest
		for _, reference := range []string{"one", "many"} {
			img, err := m.Image(t.Context(), "app", reference)
			if err != nil {
				t.Fatalf("%s %s: %v", scheme, reference, err)
			}
			d, err := store.Keep(t.Context(), img)
			if err != nil {
				t.Fatal(err)
			}
			digests = append(digests, d)
		}
		if u, err := store.Image(t.Context(), digests[0]); err != nil || u.Config.User != "7" || digests[0] != digests[1] {
			t.Errorf("%s: %+v %v %v", scheme, u, digests, err)
		}
		for _, reference := range []string{"none", "other"} {
			if _, err := m.Image(t.Context(), "app", reference); !errors.Is(err, mirror.ErrUnknown) {
				t.Errorf("%s: %v", reference, err)
			}
		}
		if _, err := m.Image(t.Context(), "app", digestOf([]byte("a"))); err == nil || !strings.Contains(err.Error(), "has other content") {
			t.Errorf("another manifest: %v", err)
		}
		if scheme == "" {
			continue
		}
		if _, err := r.mirror(t, nil).Image(t.Context(), "app", "one"); err == nil {
			t.Errorf("%s: without a password", scheme)
		}
		if _, err := r.mirror(t, url.UserPassword("ann", "no")).Image(t.Context(), "app", "one"); err == nil || strings.Contains(err.Error(), "ann") {
			t.Errorf("%s: %v", scheme, err)
		}
	}
}

func TestWhatIsNoRegistry(t *testing.T) {
	r := open(t, "")
	for reference, body := range map[string]string{"text": "hello", "empty": "{}", "large": strings.Repeat(" ", 9<<20)} {
		r.things["/v2/sub/app/manifests/"+reference] = []byte(body)
		if img, err := r.mirror(t, nil).Image(t.Context(), "app", reference); err == nil {
			t.Errorf("%s is %v", reference, img)
		}
	}
	r.scheme = "Bearer"
	r.things = nil
	gone := r.mirror(t, nil)
	r.Close()
	if _, err := gone.Image(t.Context(), "app", "one"); err == nil {
		t.Error("nobody answered")
	}
}
