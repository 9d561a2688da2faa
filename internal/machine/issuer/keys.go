package issuer

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	patience = 10 * time.Second
	most     = 256 << 10 // bytes of a document
	mostKeys = 64
	fresh    = time.Hour        // keys are fetched anew after it
	pause    = 15 * time.Second // between fetches that tokens with keys unknown ask for, and after a failure
)

// keys are one issuer's.
type keys struct {
	url  string
	http *http.Client

	mu     sync.Mutex // held while fetching: whoever comes then wants the same
	set    *jose.JSONWebKeySet
	got    time.Time // the keys
	asked  time.Time
	failed error
}

func newKeys(url string, config *tls.Config) *keys {
	return &keys{url: url, http: &http.Client{
		Timeout:   patience,
		Transport: &http.Transport{TLSClientConfig: config, MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: most},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return errors.New("it sends elsewhere") // keys come from where the operator said
		},
	}}
}

// get gives the keys; again asks for newer ones than those that did not do.
func (k *keys) get(ctx context.Context, now time.Time, again bool) (*jose.JSONWebKeySet, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	good := k.set != nil && now.Sub(k.got) < fresh
	if good && !again {
		return k.set, nil
	}
	if !k.asked.IsZero() && now.Sub(k.asked) < pause {
		if good {
			return k.set, nil
		}
		return nil, k.failed
	}
	k.asked = now
	// Whoever asked may go; the next one wants the keys too.
	set, err := k.fetch(context.WithoutCancel(ctx))
	if err != nil {
		k.failed = fmt.Errorf("%w: %w", ErrUnreachable, err)
		if good {
			return k.set, nil
		}
		return nil, k.failed
	}
	k.set, k.got, k.failed = set, now, nil
	return set, nil
}

// fetch asks where the keys are, and for them.
func (k *keys) fetch(ctx context.Context) (*jose.JSONWebKeySet, error) {
	var about struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	if err := k.read(ctx, strings.TrimSuffix(k.url, "/")+"/.well-known/openid-configuration", &about); err != nil {
		return nil, err
	}
	if about.Issuer != k.url {
		return nil, fmt.Errorf("it calls itself %q", about.Issuer)
	}
	if u, err := url.Parse(about.Keys); err != nil || u.Scheme != "https" {
		return nil, fmt.Errorf("its keys are not at an https address: %q", about.Keys)
	}
	set := new(jose.JSONWebKeySet)
	if err := k.read(ctx, about.Keys, set); err != nil {
		return nil, err
	}
	if len(set.Keys) > mostKeys {
		return nil, fmt.Errorf("it has %d keys", len(set.Keys))
	}
	return set, nil
}

func (k *keys) read(ctx context.Context, at string, into any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return err
	}
	w, err := k.http.Do(r)
	if err != nil {
		return err
	}
	defer w.Body.Close()
	if w.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", at, w.Status)
	}
	text, err := io.ReadAll(io.LimitReader(w.Body, most+1))
	if err != nil {
		return err
	}
	if len(text) > most {
		return fmt.Errorf("%s says more than %d bytes", at, most)
	}
	return json.Unmarshal(text, into)
}
