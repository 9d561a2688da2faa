package door

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"cloister/internal/machine/fabric/memory"
	"cloister/internal/value/network"
)

// keeper holds credentials by interface.
type keeper map[string]Held

func (k keeper) Held(_ context.Context, eni string) (Held, bool, error) {
	h, ok := k[eni]
	if h.RoleARN == "arn:aws:iam::1:role/gone" {
		return h, ok, errors.New("cannot be assumed")
	}
	return h, ok, nil
}

// asking is a fabric in which three interfaces of one VPC and one of another are told credentials, and what serves them.
func asking(t *testing.T, now *time.Time) func(eni, method, url string, header ...string) (int, http.Header, string) {
	t.Helper()
	f := memory.New()
	n := &network.Network{}
	for _, s := range []string{"a", "b"} {
		n.VPCs = append(n.VPCs, network.VPC{ID: "vpc-" + s, CIDRs: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16")},
			Subnets: []network.Subnet{{ID: "subnet-" + s, CIDR: netip.MustParsePrefix("10.0.0.0/16")}}})
		for i, id := range []string{"job", "host", "gone", "none"} {
			n.Interfaces = append(n.Interfaces, network.Interface{ID: "eni-" + id + "-" + s, VPC: "vpc-" + s, Subnet: "subnet-" + s,
				Address: netip.AddrFrom4([4]byte{10, 0, 1, byte(5 + i)}), Metadata: true})
		}
	}
	if err := f.Apply(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	until := now.Add(time.Hour)
	k := keeper{
		"eni-job-a":  {Path: "/v2/credentials/0123", RoleARN: "arn:aws:iam::1:role/x/job", AccessKey: "ASIAJOB", Secret: "s", Token: "t", Updated: *now, Expires: until},
		"eni-job-b":  {Path: "/v2/credentials/4567", RoleARN: "arn:aws:iam::2:role/job", AccessKey: "ASIAOTHER", Secret: "s", Token: "t", Updated: *now, Expires: until},
		"eni-host-a": {RoleARN: "arn:aws:iam::1:role/x/host", ProfileARN: "arn:aws:iam::1:instance-profile/host", AccessKey: "ASIAHOST", Secret: "s", Token: "t", Updated: *now, Expires: until},
		"eni-gone-a": {RoleARN: "arn:aws:iam::1:role/gone"},
		"eni-gone-b": {Path: "/v2/credentials/89", RoleARN: "arn:aws:iam::1:role/gone"},
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	m := NewMetadata(func() time.Time { return *now }, slog.New(slog.DiscardHandler), keeper{}, k)
	go func() { done <- m.Serve(ctx, f.Metadata()) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-done, f.Close()); err != nil {
			t.Error(err)
		}
	})
	return func(eni, method, url string, header ...string) (int, http.Header, string) {
		t.Helper()
		c := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, at string) (net.Conn, error) {
			return f.Dial(ctx, eni, netip.MustParseAddrPort(at))
		}}}
		r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		if r.Header.Get("Host") != "" {
			r.Host = r.Header.Get("Host")
		}
		w, err := c.Do(r)
		if err != nil {
			t.Fatalf("%s %s from %s: %v", method, url, eni, err)
		}
		defer w.Body.Close()
		b, err := io.ReadAll(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		return w.StatusCode, w.Header, string(b)
	}
}

func TestContainerCredentials(t *testing.T) {
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	ask := asking(t, &now)
	const at = "http://169.254.170.2"
	status, _, body := ask("eni-job-a", "GET", at+"/v2/credentials/0123")
	var got map[string]string
	if err := json.Unmarshal([]byte(body), &got); err != nil || status != 200 {
		t.Fatal(status, body)
	}
	want := map[string]string{"RoleArn": "arn:aws:iam::1:role/x/job", "AccessKeyId": "ASIAJOB", "SecretAccessKey": "s", "Token": "t", "Expiration": "2026-11-21T11:00:00Z"}
	for k, v := range want {
		if got[k] != v || len(got) != len(want) {
			t.Errorf("%s is %q in %s", k, got[k], body)
		}
	}
	for _, c := range []struct {
		eni, method, path string
		status            int
		header            []string
	}{
		{"eni-job-a", "GET", "/v2/credentials/", 400, nil},
		{"eni-job-a", "GET", "/v2/credentials/01234", 400, nil},
		{"eni-job-a", "GET", "/v2/credentials/4567", 400, nil}, // another's
		{"eni-job-b", "GET", "/v2/credentials/0123", 400, nil}, // of the same address in another VPC
		{"eni-none-a", "GET", "/v2/credentials/0123", 400, nil},
		{"eni-host-a", "GET", "/v2/credentials/0123", 400, nil},
		{"eni-host-a", "GET", "", 400, nil}, // no path is nobody's
		{"eni-host-a", "GET", "/latest/meta-data/", 400, nil},
		{"eni-job-a", "POST", "/v2/credentials/0123", 405, nil},
		{"eni-gone-b", "GET", "/v2/credentials/89", 503, nil},
		{"eni-none-a", "GET", "/v2/credentials/0123", 400, []string{"X-Forwarded-For", "10.0.1.5", "Forwarded", "for=10.0.1.5", "X-Real-Ip", "10.0.1.5"}},
		{"eni-none-a", "GET", "/v2/credentials/0123", 400, []string{"Host", "eni-job-a"}},
	} {
		if status, _, body := ask(c.eni, c.method, at+c.path, c.header...); status != c.status || strings.Contains(body, "ASIA") {
			t.Errorf("%s %s of %s: %d %s, want %d", c.method, c.path, c.eni, status, body, c.status)
		}
	}
}

func TestInstanceCredentials(t *testing.T) {
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	ask := asking(t, &now)
	const at, ttl, token = "http://169.254.169.254", "X-aws-ec2-metadata-token-ttl-seconds", "X-aws-ec2-metadata-token"
	for _, header := range [][]string{nil, {ttl, "0"}, {ttl, "21601"}, {ttl, "x"}} {
		if status, _, _ := ask("eni-host-a", "PUT", at+"/latest/api/token", header...); status != 400 {
			t.Errorf("token with %v: %d", header, status)
		}
	}
	if status, _, body := ask("eni-host-a", "PUT", at+"/latest/api/token", ttl, "60", "X-Forwarded-For", "10.0.1.6"); status != 403 || strings.HasSuffix(body, "=") {
		t.Errorf("a forwarded question for a token: %d %s", status, body)
	}
	if status, _, _ := ask("eni-host-a", "GET", at+"/latest/api/token", ttl, "60"); status != 405 {
		t.Errorf("GET of a token: %d", status)
	}
	status, h, mine := ask("eni-host-a", "PUT", at+"/latest/api/token", ttl, "60")
	if status != 200 || h.Get(ttl) != "60" {
		t.Fatal(status, h)
	}
	get := func(eni, path, with string) (int, string) {
		t.Helper()
		status, _, body := ask(eni, "GET", at+path, token, with)
		return status, body
	}
	for path, want := range map[string]string{
		roles: "host", "/latest/meta-data/iam/security-credentials": "host", "/latest/meta-data/": "iam/", "/latest/meta-data/iam/": "info\nsecurity-credentials/",
		roles + "host":               `"AccessKeyId":"ASIAHOST"`,
		"/latest/meta-data/iam/info": `"InstanceProfileArn":"arn:aws:iam::1:instance-profile/host"`,
	} {
		if status, body := get("eni-host-a", path, mine); status != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	_, _, theirs := ask("eni-job-a", "PUT", at+"/latest/api/token", ttl, "60")
	for _, c := range []struct {
		eni, path, token string
		status           int
	}{
		{"eni-host-a", roles, "", 401}, {"eni-host-a", roles, "AAAA", 401}, {"eni-host-a", roles, theirs, 401}, {"eni-none-a", roles, mine, 401},
		{"eni-host-b", roles, mine, 401}, {"eni-job-a", roles, theirs, 404}, {"eni-job-a", roles + "job", theirs, 404},
		{"eni-host-a", roles + "other", mine, 404}, {"eni-host-a", "/latest/user-data", mine, 404}, {"eni-host-a", "/v2/credentials/0123", mine, 404},
	} {
		if status, body := get(c.eni, c.path, c.token); status != c.status || strings.Contains(body, "ASIA") {
			t.Errorf("%s of %s: %d %s, want %d", c.path, c.eni, status, body, c.status)
		}
	}
	_, _, gone := ask("eni-gone-a", "PUT", at+"/latest/api/token", ttl, "60")
	if status, body := get("eni-gone-a", roles+"gone", gone); status != 200 || !strings.Contains(body, "AssumeRoleUnauthorizedAccess") {
		t.Errorf("a role that cannot be assumed: %d %s", status, body)
	}
	now = now.Add(time.Minute)
	if status, _ := get("eni-host-a", roles, mine); status != 401 {
		t.Errorf("a token after its time: %d", status)
	}
}

// What comes by another wire is closed unread.
func TestMetadataIsForNobodyElse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- NewMetadata(time.Now, slog.New(slog.DiscardHandler), keeper{"": {Path: "/"}}).Serve(ctx, l)
	}()
	if w, err := http.Get("http://" + l.Addr().String() + "/"); err == nil {
		w.Body.Close()
		t.Errorf("answered %s", w.Status)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
