package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"cloister/internal/machine/image"
	"cloister/internal/machine/image/mirror"
	"cloister/internal/service/sagemaker"
)

// mirrored is a registry that stands for others: for those whose images' names begin so.
type mirrored struct {
	beginning string
	mirror.Registry
}

// mirrorTime is how long a mirror may take to begin an answer.
const mirrorTime = 30 * time.Second

// mirrors reads ImageMirrors, the longest beginnings first.
func (c config) mirrors() ([]mirrored, error) {
	var out []mirrored
	var wrong []error
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.ResponseHeaderTimeout = mirrorTime
	client := &http.Client{Transport: t}
	for beginning, text := range c.ImageMirrors {
		at, err := url.Parse(text)
		if err != nil || at.Scheme != "https" && at.Scheme != "http" || at.Host == "" || at.RawQuery != "" || at.Fragment != "" || !strings.Contains(beginning, ".") || strings.HasSuffix(beginning, "/") {
			wrong = append(wrong, fmt.Errorf("image_mirrors: %s must be the host of a registry, perhaps with a path, and stand for the http(s) URL of one", beginning))
			continue
		}
		out = append(out, mirrored{beginning, mirror.Registry{Base: at, Client: client}})
	}
	slices.SortFunc(out, func(a, b mirrored) int { return len(b.beginning) - len(a.beginning) })
	return out, errors.Join(wrong...)
}

// mirror pulls an image that nobody has here.
func (i images) mirror(ctx context.Context, reference string) (image.Digest, error) {
	for k := range i.mirrors {
		m := &i.mirrors[k]
		rest, ok := strings.CutPrefix(reference, m.beginning+"/")
		if !ok {
			continue
		}
		repository, tag := rest, "latest"
		if name, digest, ok := strings.Cut(rest, "@"); ok {
			repository, tag = name, digest
		}
		if name, t, ok := strings.Cut(repository, ":"); ok {
			if repository = name; tag == "latest" {
				tag = t
			}
		}
		img, err := m.Image(ctx, repository, tag)
		if errors.Is(err, mirror.ErrUnknown) {
			return "", image.ErrUnknown
		}
		var digest image.Digest
		if err == nil {
			digest, err = i.store.Keep(ctx, img)
		}
		if err != nil && ctx.Err() == nil {
			return "", &sagemaker.NoImage{Reason: "The mirror of " + m.beginning + " did not give it: " + err.Error() + "."}
		}
		return digest, err
	}
	return "", image.ErrUnknown
}
