package ecr_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"testing"

	"cloister/internal/door/doortest"
)

const (
	ociManifest = "application/vnd.oci.image.manifest.v1+json"
	ociList     = "application/vnd.oci.image.index.v1+json"
)

// picture is an image, or where it has children a list of them.
type picture struct {
	blobs    [][]byte // the configuration last
	manifest []byte
	kind     string
	children []picture
}

type part struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      int    `json:"size"`
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func partOf(kind string, b []byte) part { return part{kind, digestOf(b), len(b)} }

// paint makes an image that nobody else has; more are further members of its manifest.
func paint(t testing.TB, layers int, more map[string]any) picture {
	t.Helper()
	p := picture{kind: ociManifest}
	list := []part{}
	for range layers {
		b := make([]byte, 100_000)
		rand.Read(b)
		p.blobs = append(p.blobs, b)
		list = append(list, partOf("application/vnd.oci.image.layer.v1.tar", b))
	}
	config := []byte(fmt.Sprintf(`{"architecture":"amd64","os":"linux","author":%q,"rootfs":{"type":"layers","diff_ids":[]}}`, rand.Text()))
	p.blobs = append(p.blobs, config)
	m := map[string]any{"schemaVersion": 2, "mediaType": ociManifest, "layers": list, "config": partOf("application/vnd.oci.image.config.v1+json", config)}
	for k, v := range more {
		m[k] = v
	}
	p.manifest = text(t, m)
	return p
}

func text(t testing.TB, v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// gather makes a list of images.
func gather(t testing.TB, all ...picture) picture {
	p := picture{kind: ociList, children: all}
	list := []part{}
	for _, c := range all {
		list = append(list, partOf(c.kind, c.manifest))
	}
	p.manifest = text(t, map[string]any{"schemaVersion": 2, "mediaType": ociList, "manifests": list})
	return p
}

func (p picture) digest() string { return digestOf(p.manifest) }

// push writes an image as container tools do; the first answer that says no is given back.
func (c client) push(password, repository, reference string, p picture) *doortest.Answer {
	c.t.Helper()
	for _, child := range p.children {
		if a := c.push(password, repository, child.digest(), child); a.Status != 201 {
			return a
		}
	}
	base := "/v2/" + repository
	for _, b := range p.blobs {
		if a := c.ask("HEAD", base+"/blobs/"+digestOf(b), password, ""); a.Status == 200 {
			continue
		} else if a.Status != 404 {
			return a
		}
		a := c.ask("POST", base+"/blobs/uploads/", password, "")
		if a.Status != 202 {
			return a
		}
		at := path(a)
		if a = c.ask("PATCH", at, password, string(b)); a.Status != 202 {
			return a
		}
		if a = c.ask("PUT", at+"?digest="+digestOf(b), password, ""); a.Status != 201 {
			return a
		}
	}
	return c.ask("PUT", base+"/manifests/"+reference, password, string(p.manifest), "Content-Type", p.kind)
}

func path(a *doortest.Answer) string { return a.Header.Get("Location")[len("https://"+host):] }

// check pulls an image and compares it.
func (c client) check(password, repository, reference string, want picture) {
	c.t.Helper()
	base := "/v2/" + repository
	a := c.ask("GET", base+"/manifests/"+reference, password, "").Good(c.t)
	if !bytes.Equal(a.Body, want.manifest) || a.Header.Get("Content-Type") != want.kind || a.Header.Get("Docker-Content-Digest") != want.digest() {
		c.t.Errorf("%s is %s %v", reference, a.Body, a.Header)
	}
	for _, b := range want.blobs {
		if a := c.ask("GET", base+"/blobs/"+digestOf(b), password, "").Good(c.t); !bytes.Equal(a.Body, b) {
			c.t.Errorf("layer of %s: %d bytes of %d", reference, len(a.Body), len(b))
		}
	}
	for _, child := range want.children {
		c.check(password, repository, child.digest(), child)
	}
}
