package compat

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// pusher speaks to the registry as no honest client does.
type pusher struct {
	client   *http.Client
	password string
	there    map[string]bool // layers
	program  []byte          // the layer with testdata's hostile program
}

// repository is where hostile images are pushed.
const repository = "evil"

func (d *daemon) pusher(t *testing.T) *pusher {
	t.Helper()
	ecr := func(operation, in string) string {
		said, err := d.curl(t, "ecr", "--fail-with-body", "-H", "Content-Type: application/x-amz-json-1.1",
			"-H", "X-Amz-Target: AmazonEC2ContainerRegistry_V20150921."+operation, "--data-binary", in)
		if err != nil {
			t.Fatalf("%s: %v %s", operation, err, said)
		}
		return said
	}
	ecr("CreateRepository", `{"repositoryName":"`+repository+`"}`)
	var token struct {
		AuthorizationData []struct{ AuthorizationToken string }
	}
	if err := json.Unmarshal([]byte(ecr("GetAuthorizationToken", `{}`)), &token); err != nil {
		t.Fatal(err)
	}
	i, err := d.instance()
	if err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(i.CA)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	p := &pusher{password: "Basic " + token.AuthorizationData[0].AuthorizationToken, there: map[string]bool{}}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, d.listen)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	p.client = &http.Client{Transport: transport}
	at := filepath.Join(t.TempDir(), "program")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", at, "./testdata/hostile")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	program, err := os.ReadFile(at)
	if err != nil {
		t.Fatal(err)
	}
	p.program = archived(t, entry{Header: tar.Header{Name: "hostile", Mode: 0o755, Typeflag: tar.TypeReg}, data: string(program)},
		entry{Header: tar.Header{Name: "etc/passwd", Mode: 0o644, Typeflag: tar.TypeReg}, data: "trainer:x:4711:4712::/:/\n"})
	return p
}

// send makes one request of the registry; wanted is its status.
func (p *pusher) send(t *testing.T, method, path, kind string, body []byte, wanted ...int) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "https://"+registry+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", p.password)
	r.Header.Set("Content-Type", kind)
	w, err := p.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	said, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range wanted {
		if w.StatusCode == s {
			return string(said)
		}
	}
	t.Errorf("%s %s: %d %s, wanted %v", method, path, w.StatusCode, said, wanted)
	return string(said)
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// blob pushes one, once.
func (p *pusher) blob(t *testing.T, b []byte) string {
	t.Helper()
	d := digestOf(b)
	if !p.there[d] {
		p.there[d] = true
		p.send(t, http.MethodPost, "/v2/"+repository+"/blobs/uploads/?digest="+d, "application/octet-stream", b, http.StatusCreated)
	}
	return d
}

// evil is an image as an attacker makes it. Its program comes first, unless it has none.
type evil struct {
	layers [][]byte // as tar; zipped says whether they go compressed
	zipped bool
	config map[string]any
	env    []string
	// diffs, bytes and manifest change what would be true: the digests of the layers' contents, the configuration and the
	// manifest.
	diffs    func([]string) []string
	bytes    func([]byte) []byte
	manifest func(map[string]any)
	refused  string // what the registry says to it
}

// push pushes the image under a tag and tells whether the registry took it.
func (p *pusher) push(t *testing.T, tag string, e evil) {
	t.Helper()
	const kind = "application/vnd.oci.image.layer.v1.tar"
	var diffs []string
	var parts []any
	for _, l := range append([][]byte{p.program}, e.layers...) {
		diffs = append(diffs, digestOf(l))
		if e.zipped {
			l = zipped(t, l)
		}
		parts = append(parts, map[string]any{"mediaType": kind, "digest": p.blob(t, l), "size": len(l)})
	}
	if e.diffs != nil {
		diffs = e.diffs(diffs)
	}
	run := map[string]any{"Entrypoint": []string{"/hostile"}, "Env": e.env}
	for k, v := range e.config {
		run[k] = v
	}
	config := encoded(t, map[string]any{"architecture": runtime.GOARCH, "os": "linux", "rootfs": map[string]any{"type": "layers", "diff_ids": diffs}, "config": run})
	if e.bytes != nil {
		config = e.bytes(config)
	}
	m := map[string]any{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": parts,
		"config": map[string]any{"mediaType": "application/vnd.oci.image.config.v1+json", "digest": p.blob(t, config), "size": len(config)}}
	if e.manifest != nil {
		e.manifest(m)
	}
	status := []int{http.StatusCreated}
	if e.refused != "" {
		status = []int{http.StatusBadRequest, http.StatusNotFound}
	}
	said := p.send(t, http.MethodPut, "/v2/"+repository+"/manifests/"+tag, m["mediaType"].(string), encoded(t, m), status...)
	if !strings.Contains(said, e.refused) {
		t.Errorf("%s: the registry says %s, wanted %s", tag, said, e.refused)
	}
}

func zipped(t *testing.T, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// entry is a tar header with its content.
type entry struct {
	tar.Header
	data string
}

func link(name, to string) entry {
	return entry{Header: tar.Header{Name: name, Linkname: to, Typeflag: tar.TypeSymlink, Mode: 0o777}}
}

func plain(name, data string) entry {
	return entry{Header: tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644}, data: data}
}

func archived(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	out := tar.NewWriter(&b)
	for _, e := range entries {
		e.Size = int64(len(e.data))
		if err := out.WriteHeader(&e.Header); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(out, e.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// sparse is a layer whose one file is as long as said and holds nothing.
func sparse(t *testing.T, length int64) []byte {
	t.Helper()
	// The archive's writer keeps such records to itself; nothing sums up their bytes.
	b := archived(t, entry{Header: tar.Header{Name: "GNUSparseFile.0/hole", Typeflag: tar.TypeReg, Mode: 0o644, Format: tar.FormatPAX, PAXRecords: map[string]string{
		"GNX.sparse.major": "1", "GNX.sparse.minor": "0", "GNX.sparse.name": "hole", "GNX.sparse.realsize": fmt.Sprint(length)}},
		data: "1\n" + fmt.Sprint(length) + "\n0\n" + strings.Repeat("\x00", 512-len(fmt.Sprint(length))-5)})
	return bytes.ReplaceAll(b, []byte("GNX.sparse"), []byte("GNU.sparse"))
}
