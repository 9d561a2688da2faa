// Package mirror reads images from a registry that an operator named.
//
// It promises that a manifest is the one that its digest says, and that nothing but the named registry, whom it
// names for passwords and bytes, is asked. What an image's layers hold is checked by who unpacks them. It must not
// know whom an image is for.
package mirror

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"cloister/internal/machine/image"
)

// ErrUnknown is given for what the registry does not have.
var ErrUnknown = errors.New("the mirror does not have the image")

// maxDocument bounds manifests and configurations.
const maxDocument = 8 << 20

// Registry is a registry, or a part of one: Base may have a path, and a user with a password.
type Registry struct {
	Base   *url.URL
	Client *http.Client
}

var accepted = []string{
	"application/vnd.docker.distribution.manifest.v2+json", "application/vnd.oci.image.manifest.v1+json",
	"application/vnd.docker.distribution.manifest.list.v2+json", "application/vnd.oci.image.index.v1+json",
}

// Image finds the image of a repository for this machine; reference is a tag or a digest. Its layers are read when
// they are opened, as long as ctx is not done.
func (r *Registry) Image(ctx context.Context, repository, reference string) (v1.Image, error) {
	img, err := r.image(ctx, &pull{Registry: r, repository: strings.Trim(r.Base.Path+"/"+repository, "/")}, reference)
	if err != nil {
		return nil, fmt.Errorf("pull %s from %s: %w", repository, r.Base.Host, err)
	}
	return img, nil
}

func (r *Registry) image(ctx context.Context, p *pull, reference string) (v1.Image, error) {
	raw, err := p.document(ctx, "manifests", reference)
	if err != nil {
		return nil, err
	}
	var m struct {
		Config    struct{ Digest string }
		Manifests []struct {
			Digest   string
			Platform struct{ OS, Architecture string }
		}
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, err
	}
	if m.Manifests != nil {
		for _, d := range m.Manifests {
			if d.Platform.OS != "linux" || d.Platform.Architecture != runtime.GOARCH {
				continue
			}
			if raw, err = p.document(ctx, "manifests", d.Digest); err != nil {
				return nil, err
			}
			m.Manifests = nil
			if err := json.Unmarshal(raw, &m); err != nil {
				return nil, err
			}
			break
		}
		if m.Manifests != nil {
			return nil, fmt.Errorf("no variant for linux/%s: %w", runtime.GOARCH, ErrUnknown)
		}
	}
	config, err := p.document(ctx, "blobs", m.Config.Digest)
	if err != nil {
		return nil, err
	}
	return image.Of(raw, config, func(digest string) (io.ReadCloser, error) {
		w, err := p.get(ctx, "blobs", digest)
		if err != nil {
			return nil, err
		}
		return w.Body, nil
	})
}

// pull is the reading of one repository.
type pull struct {
	*Registry
	repository string
	token      string
}

// document reads something small, which is what its digest says if it was asked for by one.
func (p *pull) document(ctx context.Context, kind, reference string) ([]byte, error) {
	w, err := p.get(ctx, kind, reference)
	if err != nil {
		return nil, err
	}
	defer w.Body.Close()
	b, err := io.ReadAll(io.LimitReader(w.Body, maxDocument+1))
	if err == nil && len(b) > maxDocument {
		err = fmt.Errorf("%s is larger than %d bytes", reference, maxDocument)
	}
	sum := sha256.Sum256(b)
	if want, ok := strings.CutPrefix(reference, "sha256:"); err == nil && ok && hex.EncodeToString(sum[:]) != want {
		err = fmt.Errorf("%s has other content", reference)
	}
	return b, err
}

// get asks for something, a second time with the password that the registry asks for.
func (p *pull) get(ctx context.Context, kind, reference string) (*http.Response, error) {
	for try := 0; ; try++ {
		at := *p.Base
		at.User, at.Path, at.RawPath = nil, "/v2/"+p.repository+"/"+kind+"/"+reference, ""
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
		if err != nil {
			return nil, err
		}
		r.Header["Accept"] = accepted
		if p.token != "" {
			r.Header.Set("Authorization", p.token)
		}
		w, err := p.Client.Do(r)
		if err != nil {
			return nil, err
		}
		if w.StatusCode == http.StatusOK {
			return w, nil
		}
		w.Body.Close()
		switch {
		case w.StatusCode == http.StatusUnauthorized && try == 0:
			if err := p.login(ctx, w.Header.Get("Www-Authenticate")); err != nil {
				return nil, err
			}
		case w.StatusCode == http.StatusNotFound:
			return nil, fmt.Errorf("%s: %w", reference, ErrUnknown)
		default:
			return nil, fmt.Errorf("%s: the registry answers %s", reference, w.Status)
		}
	}
}

// login does what a challenge asks for: it sends the password, or fetches a token with it.
func (p *pull) login(ctx context.Context, challenge string) error {
	scheme, rest, _ := strings.Cut(challenge, " ")
	r := &http.Request{Header: http.Header{}}
	if u := p.Base.User; u != nil {
		password, _ := u.Password()
		r.SetBasicAuth(u.Username(), password)
	}
	if !strings.EqualFold(scheme, "Bearer") {
		if p.token = r.Header.Get("Authorization"); p.token == "" {
			return errors.New("the registry wants a password, and the configuration has none")
		}
		return nil
	}
	said := parameters(rest)
	at, err := url.Parse(said["realm"])
	if err != nil || at.Scheme != "https" && at.Scheme != p.Base.Scheme {
		return fmt.Errorf("the registry names %q for passwords", said["realm"])
	}
	query := at.Query()
	for _, k := range []string{"service", "scope"} {
		if said[k] != "" {
			query.Set(k, said[k])
		}
	}
	at.RawQuery = query.Encode()
	ask, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return err
	}
	ask.Header = r.Header
	w, err := p.Client.Do(ask)
	if err != nil {
		return err
	}
	defer w.Body.Close()
	b, err := io.ReadAll(io.LimitReader(w.Body, 1<<20))
	if err != nil {
		return err
	}
	var got struct {
		Token       string `json:"token"`
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(bytes.NewReader(b)).Decode(&got); err != nil || w.StatusCode != http.StatusOK || got.Token+got.AccessToken == "" {
		return fmt.Errorf("no token: %s", w.Status)
	}
	if got.Token == "" {
		got.Token = got.AccessToken
	}
	p.token = "Bearer " + got.Token
	return nil
}

// parameters reads name="value" pairs.
func parameters(text string) map[string]string {
	out := map[string]string{}
	for text != "" {
		name, rest, ok := strings.Cut(text, "=")
		if !ok {
			break
		}
		var value string
		if quoted, isQuoted := strings.CutPrefix(rest, `"`); isQuoted {
			value, rest, _ = strings.Cut(quoted, `"`)
			_, rest, _ = strings.Cut(rest, ",")
		} else {
			value, rest, _ = strings.Cut(rest, ",")
		}
		out[strings.ToLower(strings.Trim(name, " ,"))] = value
		text = rest
	}
	return out
}
