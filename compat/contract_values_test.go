package compat

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// same compares what was given with what the contract says.
func same(t *testing.T, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("it is\n%v\nand not\n%v", got, want)
	}
}

// document compares a file of JSON.
func document(t *testing.T, got, want string) {
	t.Helper()
	var a, b any
	if err := errors.Join(json.Unmarshal([]byte(got), &a), json.Unmarshal([]byte(want), &b)); err != nil {
		t.Fatalf("%v: %s", err, got)
	}
	same(t, a, b)
}

// env is the value of a variable; ok is false where it is not set.
func (w *written) env(name string) (value string, ok bool) {
	for _, e := range w.Env {
		if k, v, _ := strings.Cut(e, "="); k == name {
			return v, true
		}
	}
	return "", false
}

// names are those of all variables.
func (w *written) names() map[string]bool {
	out := map[string]bool{}
	for _, e := range w.Env {
		k, _, _ := strings.Cut(e, "=")
		out[k] = true
	}
	return out
}

// below are the files under a directory, by their path from there: what they hold, or for others what they are.
func (w *written) below(dir string) map[string]string {
	out := map[string]string{}
	for name, f := range w.Files {
		rest, ok := strings.CutPrefix(name, dir+"/")
		switch {
		case !ok || f.Mode[0] == 'd':
		case f.Mode[0] == '-':
			out[rest] = f.Text
		default:
			out[rest] = f.Mode[:1]
		}
	}
	return out
}

// put writes an object of the tests' bucket.
func (d *daemon) put(t *testing.T, key, text string) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "object")
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	d.s3(t, "/"+key, "-T", name)
}

// object reads one; ok is false where there is none.
func (d *daemon) object(t *testing.T, key string) (text string, ok bool) {
	t.Helper()
	out, err := d.signed(t, "s3", "-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD", "-w", "%{http_code}", "https://"+d.listen+"/"+bucket+"/"+key)
	if err != nil {
		t.Fatal(err, out)
	}
	text, status := out[:len(out)-3], out[len(out)-3:]
	if status != "200" && status != "404" {
		t.Fatalf("%s: %s %s", key, status, text)
	}
	return text, status == "200"
}

// unpack gives the members of an archive.
func unpack(t *testing.T, packed string) map[string]string {
	t.Helper()
	z, err := gzip.NewReader(strings.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		out[h.Name] = string(b)
	}
}

// provideContract writes the objects that the jobs are given.
func provideContract(t *testing.T, d *daemon) {
	t.Helper()
	for key, text := range map[string]string{
		"data/a.csv": "1,2\n", "data/b/c.csv": "3,4\n", "data-x.csv": "5,6\n", "zip/one.gz": string(zipped(t, []byte("unzipped"))),
		"manifest": `[{"prefix":"s3://` + bucket + `/data/"},"b/c.csv"]`,
		"lines":    `{"x-ref":"s3://` + bucket + `/data/a.csv","label":7,"other":1}` + "\n" + `{"label":"eight","x-ref":"s3://` + bucket + `/data/b/c.csv"}` + "\n",
		"mix/0":    "0", "mix/1": "1", "mix/2": "2", "mix/3": "3", "mix/4": "4", "mix/5": "5", "mix/6": "6",
		"chk/old": "old", "chk/gone": "gone", "model.tar.gz": oneFile("sub/weights", "w"),
		"tree/sub/weights": "w", "batch/in/one.csv": "9,9\n",
	} {
		d.put(t, key, text)
	}
}
