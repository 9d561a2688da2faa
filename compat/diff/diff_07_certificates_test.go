package diff

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"testing"
)

// TestDiff07Certificates: who does not trust Cloister's own CA does not trust its doors.
func TestDiff07Certificates(t *testing.T) {
	strange := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: x509.NewCertPool()}}
	defer strange.CloseIdleConnections()
	r, err := http.NewRequest("GET", door, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = strange.RoundTrip(r)
	var unknown x509.UnknownAuthorityError
	if !errors.As(err, &unknown) {
		t.Errorf("a stranger got %v", err)
	}
}
