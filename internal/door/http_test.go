package door_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"cloister/internal/door"
	"cloister/internal/door/doortest"
)

// wired is a TLS connection to the public door on which the test writes what it likes.
type wired struct {
	*tls.Conn
	read *bufio.Reader
	t    *testing.T
}

func dial(t *testing.T, h *doortest.House, change func(*tls.Config)) (*wired, error) {
	c := &tls.Config{RootCAs: h.Authority.Pool(), ServerName: "sts.us-east-1.amazonaws.com"}
	if change != nil {
		change(c)
	}
	conn, err := tls.Dial("tcp", h.Address(), c)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { conn.Close() })
	return &wired{conn, bufio.NewReader(conn), t}, nil
}

func connect(t *testing.T, h *doortest.House) *wired {
	t.Helper()
	w, err := dial(t, h, nil)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *wired) send(text string) {
	w.t.Helper()
	if _, err := io.WriteString(w, text); err != nil {
		w.t.Fatal(err)
	}
}

// answer reads one answer and its body.
func (w *wired) answer(method string) (*http.Response, string) {
	w.t.Helper()
	a, err := http.ReadResponse(w.read, &http.Request{Method: method})
	if err != nil {
		w.t.Fatal(err)
	}
	b, err := io.ReadAll(a.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return a, string(b)
}

// raw is a signed request as text, with header fields more than were signed.
func raw(c *doortest.Client, r *http.Request, service string, more ...string) string {
	c.Sign(r, service)
	var b bytes.Buffer
	if err := r.Write(&b); err != nil {
		c.TB.Fatal(err)
	}
	head, body, _ := strings.Cut(b.String(), "\r\n\r\n")
	for _, m := range more {
		head += "\r\n" + m
	}
	return head + "\r\n\r\n" + body
}

func identity(c *doortest.Client, more ...string) string {
	r := c.Request("sts", "POST", "/", "Action=GetCallerIdentity&Version=2011-06-15")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return raw(c, r, "sts", more...)
}

func TestTLSIsModernAndSpeaksHTTP1(t *testing.T) {
	h := doortest.Open(t)
	for name, c := range map[string]struct {
		change func(*tls.Config)
		good   bool
	}{
		"TLS 1.3": {func(*tls.Config) {}, true},
		"TLS 1.2": {func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, true},
		"TLS 1.1": {func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }, false},
		"no secrecy": {func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}
		}, false},
		"asks for both":     {func(c *tls.Config) { c.NextProtos = []string{"h2", "http/1.1"} }, true},
		"asks for h2 alone": {func(c *tls.Config) { c.NextProtos = []string{"h2"} }, false},
	} {
		w, err := dial(t, h, c.change)
		if (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil && name == "asks for both" && w.ConnectionState().NegotiatedProtocol != "http/1.1" {
			t.Errorf("%s: %q was agreed on", name, w.ConnectionState().NegotiatedProtocol)
		}
	}
}

func TestOneConnectionTakesManyRequests(t *testing.T) {
	h := doortest.Open(t)
	c := h.As(t, h.Root)
	w := connect(t, h)
	for range 3 {
		w.send(identity(c))
		if a, body := w.answer("POST"); a.StatusCode != 200 || a.Close || !strings.Contains(body, ":root") {
			t.Fatalf("kept alive: %d %v %s", a.StatusCode, a.Close, body)
		}
	}
	w.send(identity(c) + identity(c) + identity(c, "Connection: close"))
	seen := map[string]bool{}
	for i := range 3 {
		a, body := w.answer("POST")
		if a.StatusCode != 200 || !strings.Contains(body, ":root") {
			t.Fatalf("in the pipe: %d %s", a.StatusCode, body)
		}
		if a.Close != (i == 2) {
			t.Errorf("answer %d closes: %v", i, a.Close)
		}
		seen[a.Header.Get("X-Amzn-Requestid")] = true
	}
	if len(seen) != 3 {
		t.Errorf("three calls had %d request ids", len(seen))
	}
	if _, err := w.read.ReadByte(); err != io.EOF {
		t.Errorf("after Connection: close: %v", err)
	}
}

func TestAClientMayWaitForTheGoAhead(t *testing.T) {
	h := doortest.Open(t)
	w := connect(t, h)
	head, body, _ := strings.Cut(identity(h.As(t, h.Root), "Expect: 100-continue"), "\r\n\r\n")
	w.send(head + "\r\n\r\n")
	if a, _ := w.answer("POST"); a.StatusCode != http.StatusContinue {
		t.Fatalf("told %d, want 100", a.StatusCode)
	}
	w.send(body)
	if a, text := w.answer("POST"); a.StatusCode != 200 || !strings.Contains(text, ":root") {
		t.Errorf("%d %s", a.StatusCode, text)
	}
}

func TestABodyInChunksIsOneBody(t *testing.T) {
	h := doortest.Open(t)
	w := connect(t, h)
	c := h.As(t, h.Root)
	head, body, _ := strings.Cut(identity(c), "\r\n\r\n")
	head = strings.Replace(head, fmt.Sprintf("Content-Length: %d", len(body)), "Transfer-Encoding: chunked", 1)
	chunked := fmt.Sprintf("%s\r\n\r\n7\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n", head, body[:7], len(body)-7, body[7:])
	w.send(chunked + identity(c))
	for range 2 {
		if a, text := w.answer("POST"); a.StatusCode != 200 || !strings.Contains(text, ":root") {
			t.Errorf("%d %s", a.StatusCode, text)
		}
	}
}

// What follows a body on the connection is the next request: the body is not asked again after its end.
func TestABodyIsNotReadBeyondItsEnd(t *testing.T) {
	for _, length := range []int64{3, -1} {
		from := &ends{texts: []string{"abc", "next request"}}
		body := door.Incoming(from, length)
		for range 3 {
			b, err := io.ReadAll(body)
			if err != nil || len(b) != 0 && string(b) != "abc" {
				t.Errorf("length %d: read %q, %v", length, b, err)
			}
		}
	}
}

// ends is a reader that goes on after io.EOF, as fasthttp's streams do.
type ends struct{ texts []string }

func (e *ends) Read(p []byte) (int, error) {
	n := copy(p, e.texts[0])
	if e.texts[0] == "" {
		e.texts = e.texts[1:]
		return 0, io.EOF
	}
	e.texts[0] = e.texts[0][n:]
	return n, nil
}

// What is left of a body that nobody read must never be taken for a request.
func TestTheRestOfARefusedBodyIsNoRequest(t *testing.T) {
	o := new(objects)
	h := doortest.Open(t, o.service(t))
	c := h.As(t, h.Root)
	for _, size := range []int{10, 70 << 10, 300 << 10} {
		inner := identity(c)
		body := strings.Repeat(" ", size) + inner
		r := c.Request("s3", "PUT", "/bucket/key", body)
		text := strings.Replace(raw(c, r, "s3"), "Signature=", "Signature=0", 1)
		for name, text := range map[string]string{
			"measured": text,
			"chunked": strings.Replace(strings.Replace(text, fmt.Sprintf("Content-Length: %d", len(body)), "Transfer-Encoding: chunked", 1),
				"\r\n\r\n"+body, fmt.Sprintf("\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(body), body), 1),
		} {
			w := connect(t, h)
			w.send(text)
			if a, _ := w.answer("PUT"); a.StatusCode != http.StatusForbidden {
				t.Fatalf("%s %d: a wrong signature answered %d", name, size, a.StatusCode)
			}
			w.send(identity(c))
			if a, got := w.answer("POST"); a.StatusCode != 200 || !strings.Contains(got, ":root") {
				t.Errorf("%s %d: the next request answered %d %s", name, size, a.StatusCode, got)
			}
			if n := w.read.Buffered(); n != 0 {
				t.Errorf("%s %d: %d bytes more than two answers", name, size, n)
			}
		}
	}
}

func TestABodyMayBeTooLargeOrTooShort(t *testing.T) {
	o := new(objects)
	h := doortest.Open(t, runtime(t), o.service(t))
	c := h.As(t, h.Root)
	a := c.Do(c.Request("sagemakerruntime", "POST", "/endpoints/e/invocations", strings.Repeat("x", doortest.MaxBody+1)), "sagemakerruntime")
	a.Fault(t, 413, "RequestEntityTooLargeException", "The request body is longer than 2097152 bytes.")
	c.Query("sts", "GetCallerIdentity", "Padding", strings.Repeat("x", 1<<20)).
		Fault(t, 413, "RequestEntityTooLargeException", "The request body is longer than 1048576 bytes.")

	for _, size := range []int{1000, 200 << 10} {
		for service, want := range map[string]string{"sagemakerruntime": "IncompleteBody", "s3": "IncompleteBody"} {
			method, path := "POST", "/endpoints/e/invocations"
			if service == "s3" {
				method, path = "PUT", "/bucket/key"
			}
			o.last = []byte("before")
			r := c.Request(service, method, path, strings.Repeat("x", size))
			text := raw(c, r, service)
			w := connect(t, h)
			w.send(text[:len(text)-100])
			if err := w.CloseWrite(); err != nil {
				t.Fatal(err)
			}
			if size < 64<<10 {
				// The HTTP server itself waits for so little: the connection ends unanswered, or 400.
				if a, err := http.ReadResponse(w.read, nil); err == nil && a.StatusCode != http.StatusBadRequest {
					t.Errorf("%s %d: answered %d", service, size, a.StatusCode)
				}
			} else if a, text := w.answer(method); a.StatusCode != http.StatusBadRequest || !strings.Contains(text+a.Header.Get("X-Amzn-Errortype"), want) {
				t.Errorf("%s %d: answered %d %s", service, size, a.StatusCode, text)
			}
			if string(o.last) != "before" {
				t.Errorf("%s %d: %d bytes of a short body were kept", service, size, len(o.last))
			}
		}
	}
}

func TestHEADHasAHeadAndNoBody(t *testing.T) {
	o := &objects{last: []byte("0123456789")}
	h := doortest.Open(t, o.service(t))
	c := h.As(t, h.Root)
	w := connect(t, h)
	w.send(raw(c, c.Request("s3", "HEAD", "/bucket/key", ""), "s3"))
	if a, _ := w.answer("HEAD"); a.StatusCode != 200 || a.ContentLength != 10 || a.Header.Get("Etag") != `"e"` {
		t.Errorf("%d, length %d, %v", a.StatusCode, a.ContentLength, a.Header)
	}
	w.send(strings.Replace(raw(c, c.Request("s3", "HEAD", "/bucket/key", ""), "s3"), "Signature=", "Signature=0", 1))
	if a, _ := w.answer("HEAD"); a.StatusCode != 403 {
		t.Errorf("a wrong signature answered %d", a.StatusCode)
	}
	w.send(identity(c)) // no body stands between
	if a, text := w.answer("POST"); a.StatusCode != 200 {
		t.Errorf("then %d %s", a.StatusCode, text)
	}
	if got := c.Do(c.Request("s3", "GET", "/bucket/key", ""), "s3").Good(t); string(got.Body) != "0123456789" {
		t.Errorf("GET gives %q", got.Body)
	}
}

func TestWhatIsNotHTTPIsRefused(t *testing.T) {
	h := doortest.Open(t)
	for name, c := range map[string]struct {
		text string
		want int
	}{
		"noise":          {"\x16\x03\x01 hello\r\n\r\n", 400},
		"two lengths":    {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde", 400},
		"endless header": {"GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("a", 64<<10) + "\r\n\r\n", 431},
	} {
		w := connect(t, h)
		io.WriteString(w, c.text) //nolint:errcheck // the door may hang up while we write
		a, err := http.ReadResponse(w.read, nil)
		if err != nil || a.StatusCode != c.want || !a.Close {
			t.Errorf("%s: %v, %+v", name, err, a)
		}
	}
	h.As(t, h.Root).Query("sts", "GetCallerIdentity").Good(t)
}

func TestManyCallAtOnce(t *testing.T) {
	h := doortest.Open(t, runtime(t))
	var wg sync.WaitGroup
	for i := range 8 {
		c := h.As(t, h.User(t, fmt.Sprintf("user%d", i), doortest.Allow("sagemaker:*")))
		wg.Go(func() {
			for n := range 40 {
				body := fmt.Sprintf("%d from %d", n, i)
				a := c.Do(c.Request("sagemakerruntime", "POST", "/endpoints/e/invocations", body), "sagemakerruntime")
				if a.Status != 200 || string(a.Body) != body {
					t.Errorf("%d %q, want %q", a.Status, a.Body, body)
				}
				if got := c.Query("sts", "GetCallerIdentity").XML("Arn"); !strings.HasSuffix(got, fmt.Sprintf("user/user%d", i)) {
					t.Errorf("user%d is told to be %s", i, got)
				}
			}
		})
	}
	wg.Wait()
}

// A call that was begun is answered before the door closes, and what it was given to work with holds.
func TestTheDoorClosesWhenCallsInHandAreAnswered(t *testing.T) {
	s := &stub{begun: make(chan struct{}), wait: make(chan struct{})}
	h := doortest.Open(t, s.service(t))
	answered := make(chan *doortest.Answer, 1)
	c := h.As(t, h.Root)
	go func() { answered <- c.Call("sagemaker", "ListNotebookInstances", "{}") }()
	<-s.begun
	closed := make(chan struct{})
	go func() { h.Close(); close(closed) }()
	if _, err := dial(t, h, nil); err == nil {
		for err == nil { // until the listener is closed
			_, err = dial(t, h, nil)
		}
	}
	close(s.wait)
	if a := <-answered; a.Status != 200 {
		t.Errorf("answered %d %s", a.Status, a.Body)
	}
	<-closed
}
