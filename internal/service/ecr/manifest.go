package ecr

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
)

// The kinds of manifests: of one image, and lists of manifests.
const (
	dockerImage = "application/vnd.docker.distribution.manifest.v2+json"
	dockerList  = "application/vnd.docker.distribution.manifest.list.v2+json"
	ociImage    = "application/vnd.oci.image.manifest.v1+json"
	ociIndex    = "application/vnd.oci.image.index.v1+json"
)

// maxManifest is the largest manifest.
const maxManifest = 4 << 20

// mostParts is how many layers an image, and how many images a list can have.
const mostParts = 4200

// descriptor names a part of a manifest.
type descriptor struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      int64  `json:"size"`
}

// parsed is a manifest as far as a registry reads it.
type parsed struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	ArtifactType  string       `json:"artifactType"`
	Config        *descriptor  `json:"config"`
	Layers        []descriptor `json:"layers"`
	Manifests     []descriptor `json:"manifests"`
	Subject       *descriptor  `json:"subject"`
}

func badManifest(why string) error { return parameter("imageManifest", why) }

func digestOf(raw []byte) string {
	sum := sha256.Sum256(raw)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// parse reads a manifest. Its media type is what it says itself; the one that came with it must agree.
func parse(raw []byte, given string) (*parsed, error) {
	given, _, _ = strings.Cut(given, ";")
	given = strings.TrimSpace(given)
	m := new(parsed)
	if len(raw) > maxManifest {
		return nil, badManifest("must have length less than or equal to 4194304")
	}
	if err := json.Unmarshal(raw, m); err != nil || m.SchemaVersion != 2 {
		return nil, badManifest("Invalid JSON syntax")
	}
	switch {
	case m.MediaType == "" && given != "":
		m.MediaType = given
	case m.MediaType == "" && len(m.Manifests) > 0:
		m.MediaType = ociIndex
	case m.MediaType == "":
		m.MediaType = ociImage
	case given != "" && given != m.MediaType:
		return nil, parameter("imageManifestMediaType", "Media type does not match the media type of the manifest")
	}
	return m, m.check()
}

func (m *parsed) list() bool { return m.MediaType == dockerList || m.MediaType == ociIndex }

func (m *parsed) check() error {
	switch {
	case !m.list() && m.MediaType != dockerImage && m.MediaType != ociImage:
		return badManifest("Unsupported media type " + m.MediaType)
	case m.list() && (m.Config != nil || len(m.Layers) > 0), !m.list() && (m.Config == nil || len(m.Manifests) > 0):
		return badManifest("Manifest is not of the form that its media type says")
	}
	if len(m.Layers) > mostParts || len(m.Manifests) > mostParts {
		return badManifest("must have no more than 4200 parts")
	}
	for _, d := range m.parts() {
		if !digestForm.MatchString(d.Digest) || d.Size < 0 {
			return badManifest("Invalid descriptor")
		}
	}
	if m.Subject != nil && !digestForm.MatchString(m.Subject.Digest) {
		return badManifest("Invalid subject")
	}
	return nil
}

// parts are what the manifest consists of.
func (m *parsed) parts() []descriptor {
	out := slices.Concat(m.Layers, m.Manifests)
	if m.Config != nil {
		out = append(out, *m.Config)
	}
	return out
}

// artifact is what the thing is, where it is no container image.
func (m *parsed) artifact() string {
	if m.ArtifactType != "" || m.Config == nil {
		return m.ArtifactType
	}
	return m.Config.MediaType
}
