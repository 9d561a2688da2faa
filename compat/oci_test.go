package compat

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// layout writes an image as an OCI layout: the worker in one layer, the account it runs as in another, and in a third
// a file where the platform's own are. The image has the name "mine:1" there.
func layout(t *testing.T) string {
	t.Helper()
	return layoutOf(t, "worker", map[string]any{
		"Entrypoint": []string{"/worker", "hello"}, "User": "trainer", "Env": []string{"GREETING=from the image"}, "Labels": map[string]string{"kind": "test"},
	})
}

// layoutOf does so with one of the programs in testdata.
func layoutOf(t *testing.T, name string, runtimeConfig map[string]any) string {
	t.Helper()
	at := t.TempDir()
	worker := filepath.Join(at, "program")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", worker, "./testdata/"+name)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	program, err := os.ReadFile(worker)
	if err != nil {
		t.Fatal(err)
	}
	at = filepath.Join(at, "layout")
	layers := [][]byte{packed(t, name, 0o755, program), packed(t, "etc/passwd", 0o644, []byte("trainer:x:4711:4712::/:/\n")),
		packed(t, "opt/ml/hidden", 0o644, []byte("of the image"))}
	var diffs []string
	var parts []map[string]any
	for _, l := range layers {
		diffs = append(diffs, blob(t, at, l))
		parts = append(parts, descriptor(t, at, "application/vnd.oci.image.layer.v1.tar", l))
	}
	config := encoded(t, map[string]any{
		"architecture": runtime.GOARCH, "os": "linux", "rootfs": map[string]any{"type": "layers", "diff_ids": diffs},
		"config": runtimeConfig,
	})
	manifest := encoded(t, map[string]any{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
		"config": descriptor(t, at, "application/vnd.oci.image.config.v1+json", config), "layers": parts})
	d := descriptor(t, at, "application/vnd.oci.image.manifest.v1+json", manifest)
	d["annotations"] = map[string]string{"org.opencontainers.image.ref.name": "mine:1"}
	write(t, filepath.Join(at, "index.json"), encoded(t, map[string]any{"schemaVersion": 2, "manifests": []any{d}}))
	write(t, filepath.Join(at, "oci-layout"), []byte(`{"imageLayoutVersion":"1.0.0"}`))
	return at
}

func packed(t *testing.T, name string, mode int64, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	out := tar.NewWriter(&b)
	if err := out.WriteHeader(&tar.Header{Name: name, Mode: mode, Size: int64(len(data)), Typeflag: tar.TypeReg}); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func encoded(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// blob writes bytes by their digest, which it gives.
func blob(t *testing.T, at string, b []byte) string {
	t.Helper()
	sum := sha256.Sum256(b)
	write(t, filepath.Join(at, "blobs", "sha256", hex.EncodeToString(sum[:])), b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func descriptor(t *testing.T, at, kind string, b []byte) map[string]any {
	return map[string]any{"mediaType": kind, "digest": blob(t, at, b), "size": len(b)}
}

func write(t *testing.T, name string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// decoded is the password in an authorization token, with its user.
func decoded(t *testing.T, token string) string {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
