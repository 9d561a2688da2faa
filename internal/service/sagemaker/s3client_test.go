package sagemaker

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"slices"
	"testing"

	"cloister/internal/value/caller"
)

func client(w *world, s *Service) *s3 {
	c := s.newS3(internet, func(ctx context.Context) (*session, error) {
		return &session{accessKey: "ASIAEXAMPLE", secret: "secret", token: "token", as: caller.Caller{}}, nil
	})
	w.t.Cleanup(c.close)
	return c
}

func TestS3KeepsKeysAndBytes(t *testing.T) {
	w := newWorld(t, nil)
	c := client(w, w.service())
	// Each of these is a way to sign or escape a key wrongly.
	keys := []string{"a b+c", "a%2Fb", "ä/ö", "q?x=1&y", "s*(t)'!", "~x", "a=b", "#h", "dot./x"}
	for _, k := range keys {
		want := []byte("bytes of " + k)
		err := c.put(t.Context(), "b", k, bytes.NewReader(want), int64(len(want)))
		if err != nil {
			t.Fatalf("put %q: %v", k, err)
		}
		var got bytes.Buffer
		if err := c.get(t.Context(), "b", k, &got); err != nil || !bytes.Equal(got.Bytes(), want) {
			t.Errorf("get %q: %q %v", k, got.Bytes(), err)
		}
	}
	var listed []string
	if err := c.list(t.Context(), "b", "", func(o object) error { listed = append(listed, o.Key); return nil }); err != nil {
		t.Fatal(err)
	}
	slices.Sort(keys)
	if !slices.Equal(listed, keys) {
		t.Errorf("listed %q, want %q", listed, keys)
	}
	stop := errors.New("enough")
	if err := c.list(t.Context(), "b", "", func(object) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("a listing went on after %v", err)
	}
}

func TestS3TellsWhatWentWrong(t *testing.T) {
	w := newWorld(t, nil)
	s := w.service()
	c := client(w, s)
	var no *s3Error
	if err := c.get(t.Context(), "b", "none", io.Discard); !errors.As(err, &no) || no.Status != 404 || no.Code != "NoSuchKey" || no.Request != "REQUEST1" {
		t.Errorf("missing key: %v", err)
	}
	wrong := s.newS3(internet, func(context.Context) (*session, error) {
		return &session{accessKey: "ASIAEXAMPLE", secret: "other", token: "token"}, nil
	})
	defer wrong.close()
	if err := wrong.get(t.Context(), "b", "k", io.Discard); !errors.As(err, &no) || no.Code != "SignatureDoesNotMatch" {
		t.Errorf("wrong secret: %v", err)
	}
	s.Roots = x509.NewCertPool()
	strange := client(w, s)
	if err := strange.get(t.Context(), "b", "k", io.Discard); err == nil || errors.As(err, &no) && errors.Is(err, errUnreachable) {
		t.Errorf("a stranger's certificate: %v", err)
	}
	var authority x509.UnknownAuthorityError
	if err := strange.get(t.Context(), "b", "k", io.Discard); !errors.As(err, &authority) {
		t.Errorf("a stranger's certificate: %v", err)
	}
	w.s3.put("b/short", []byte("x"))
	w.unrouted = true
	far := client(w, w.service())
	if err := far.get(t.Context(), "b", "short", io.Discard); !errors.Is(err, errUnreachable) {
		t.Errorf("no route: %v", err)
	}
	var f *failure
	if err := transferred(download, errUnreachable); !errors.As(err, &f) {
		t.Errorf("no route is no failure: %v", err)
	}
	if err := transferred(download, &s3Error{Status: http.StatusServiceUnavailable}); errors.As(err, &f) {
		t.Errorf("what may pass is a failure: %v", err)
	}
}
