package sagemakerruntime

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"cloister/internal/frame/api"
	"cloister/internal/value/caller"
	"cloister/internal/value/fault"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*HostClient).connsCleaner"))
}

// places dials each place's own server.
type places struct {
	mu sync.Mutex
	at map[string]string
}

func (p *places) Dial(ctx context.Context, id string, to netip.AddrPort) (net.Conn, error) {
	p.mu.Lock()
	at, ok := p.at[id]
	p.mu.Unlock()
	if !ok || to != listening {
		return nil, errors.New("connection refused")
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", at)
}

func (p *places) serve(t testing.TB, id string, h http.HandlerFunc) {
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at[id] = strings.TrimPrefix(srv.URL, "http://")
}

const account = "111122223333"

func call() *api.Call {
	return &api.Call{Region: "us-east-1", Caller: caller.Caller{Identity: caller.Identity{Account: account}}}
}

func world(t testing.TB, h http.HandlerFunc) (*Service, *places) {
	p := &places{at: map[string]string{}}
	p.serve(t, "a", h)
	s := New(p, "us-east-1")
	t.Cleanup(func() { s.Drain(context.Background(), "a") })
	s.Route(account, "Digits", map[string]float64{"AllTraffic": 1}, map[string][]string{"AllTraffic": {"a"}})
	return s, p
}

func TestInvokeForwardsAndAnswers(t *testing.T) {
	s, _ := world(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/x-thing")
		w.Header().Set("X-Amzn-SageMaker-Custom-Attributes", "answer")
		fmt.Fprintf(w, "%s %s %s|%s|%s|%s|%s", r.Method, r.URL.Path, r.Header.Get("Content-Type"), r.Header.Get("Accept"),
			r.Header.Get("X-Amzn-SageMaker-Custom-Attributes"), r.Header.Get("X-Amzn-SageMaker-Inference-Id"), b)
	})
	out, err := s.invokeEndpoint(t.Context(), call(), &input{
		EndpointName: new("Digits"), Body: []byte("1,2"), ContentType: new("text/csv"), Accept: new("application/json"),
		CustomAttributes: new("trace"), InferenceId: new("id-1"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(out.Body), "POST /invocations text/csv|application/json|trace|id-1|1,2"; got != want {
		t.Errorf("the container saw %q, want %q", got, want)
	}
	if *out.ContentType != "application/x-thing" || *out.CustomAttributes != "answer" || *out.InvokedProductionVariant != "AllTraffic" {
		t.Errorf("answer %q %q %q", *out.ContentType, *out.CustomAttributes, *out.InvokedProductionVariant)
	}
	if c := s.Counts(); len(c) != 1 || c[0].Invocations != 1 || c[0].Errors4XX+c[0].Errors5XX != 0 || c[0].Model <= 0 {
		t.Errorf("counts %+v", c)
	}
}

func TestInvokeSendsNoHeaderOfItsOwn(t *testing.T) {
	s, _ := world(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Content-Type") != "" || r.Header.Get("Authorization") != "" {
			w.WriteHeader(500)
		}
	})
	if _, err := s.invokeEndpoint(t.Context(), call(), &input{EndpointName: new("Digits")}); err != nil {
		t.Fatal(err)
	}
}

// TestLimitsOfInvocations: how long an answer may take and how long either body may be, as AWS's guide says.
func TestLimitsOfInvocations(t *testing.T) {
	if s := New(nil, "us-east-1"); s.timeout != 60*time.Second || largest != 25<<20 {
		t.Errorf("%s and %d bytes", s.timeout, largest)
	}
}

func TestInvokeUnknown(t *testing.T) {
	s, _ := world(t, func(http.ResponseWriter, *http.Request) {})
	for _, n := range []string{"digits", "other", ""} { // case counts
		_, err := s.invokeEndpoint(t.Context(), call(), &input{EndpointName: &n})
		f, ok := fault.As(err)
		if !ok || f.Code != "ValidationError" || f.Status != 400 || f.Message != "Endpoint "+n+" of account 111122223333 not found." || f.Fields["ErrorCode"] != "NO_SUCH_ENDPOINT" {
			t.Errorf("%q: %v", n, err)
		}
	}
	other := call()
	other.Caller.Identity.Account = "999999999999"
	if _, err := s.invokeEndpoint(t.Context(), other, &input{EndpointName: new("Digits")}); !fault.Is(err, "ValidationError") {
		t.Errorf("another account: %v", err)
	}
	s.Remove(account, "Digits")
	if _, err := s.invokeEndpoint(t.Context(), call(), &input{EndpointName: new("Digits")}); !fault.Is(err, "ValidationError") {
		t.Errorf("after Remove: %v", err)
	}
}

func TestInvokeRefuses(t *testing.T) {
	s, _ := world(t, func(http.ResponseWriter, *http.Request) {})
	for name, in := range map[string]*input{
		"model": {TargetModel: new("m")}, "container": {TargetContainerHostname: new("c")}, "component": {InferenceComponentName: new("i")},
		"session": {SessionId: new("NEW_SESSION")}, "explain": {EnableExplanations: new("`true`")}, "variant": {TargetVariant: new("other")},
		"body": {Body: make([]byte, largest+1)},
	} {
		in.EndpointName = new("Digits")
		if _, err := s.invokeEndpoint(t.Context(), call(), in); !fault.Is(err, "ValidationError") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestInvokeModelErrors(t *testing.T) {
	const tail = " See https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#logEventViewer:group=/aws/sagemaker/Endpoints/Digits in account 111122223333 for more information."
	cases := []struct {
		name    string
		do      http.HandlerFunc
		code    string
		status  int32
		said    string
		message string
	}{
		{"client", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(415); io.WriteString(w, "no csv") },
			"CLIENT_ERROR_FROM_MODEL", 415, "no csv", `Received client error (415) from primary with message "no csv".`},
		{"server", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503); io.WriteString(w, "bo\xffom") },
			"SERVER_ERROR_FROM_MODEL", 503, "bo\uFFFDom", "Received server error (503) from primary with message \"bo\uFFFDom\"."},
		{"slow", func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body); <-r.Context().Done() },
			"SERVER_ERROR_FROM_MODEL", 0, timedOut, `Received server error (0) from primary with message "` + timedOut + `".`},
		{"cut", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
			"INTERNAL_FAILURE_FROM_MODEL", 0, "The container closed the connection or did not accept it.", `Received server error (0) from primary with message "The container closed the connection or did not accept it.".`},
		{"large", func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, largest+1)) },
			"SERVER_ERROR_FROM_MODEL", 200, "", "Received success response (200) from primary and could not load the entire response body."},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s, _ := world(t, c.do)
			if c.name == "slow" {
				s.timeout = 100 * time.Millisecond
			}
			_, err := s.invokeEndpoint(t.Context(), call(), &input{EndpointName: new("Digits"), Body: []byte("x")})
			f, ok := fault.As(err)
			if !ok || f.Code != "ModelError" || f.Status != 424 {
				t.Fatalf("%v", err)
			}
			if f.Message != c.message+tail {
				t.Errorf("message %q", f.Message)
			}
			if f.Fields["ErrorCode"] != c.code || f.Fields["OriginalStatusCode"] != c.status || f.Fields["OriginalMessage"] != c.said ||
				f.Fields["LogStreamArn"] != "arn:aws:logs:us-east-1:111122223333:log-group:/aws/sagemaker/Endpoints/Digits" {
				t.Errorf("fields %v", f.Fields)
			}
			n := s.Counts()[0]
			if n.Errors4XX+n.Errors5XX != 1 || (n.Errors4XX == 1) != (c.status == 415) {
				t.Errorf("counts %+v", n)
			}
		})
	}
}

func TestInvokePicksByWeightAndInTurn(t *testing.T) {
	p := &places{at: map[string]string{}}
	for _, id := range []string{"a", "b", "c"} {
		p.serve(t, id, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, id) })
	}
	s := New(p, "us-east-1")
	t.Cleanup(func() {
		for _, id := range []string{"a", "b", "c", "gone"} {
			s.Drain(context.Background(), id)
		}
	})
	s.Route(account, "e", map[string]float64{"most": 9, "few": 1, "none": 5}, map[string][]string{"most": {"a", "b", "gone"}, "few": {"c"}})
	seen := map[string]int{}
	for range 2000 {
		out, err := s.invokeEndpoint(t.Context(), call(), &input{EndpointName: new("e")})
		if err != nil {
			t.Fatal(err)
		}
		seen[string(out.Body)]++
	}
	if seen["c"] < 120 || seen["c"] > 300 || seen["a"] < 300 || seen["b"] < 300 {
		t.Errorf("shares %v", seen)
	}
	out, err := s.invokeEndpoint(t.Context(), call(), &input{EndpointName: new("e"), TargetVariant: new("few")})
	if err != nil || string(out.Body) != "c" {
		t.Errorf("target variant: %v", err)
	}
	s.Route(account, "e", map[string]float64{"most": 1}, nil)
	if _, err := s.invokeEndpoint(t.Context(), call(), &input{EndpointName: new("e")}); !fault.Is(err, "ServiceUnavailable") {
		t.Errorf("nobody ready: %v", err)
	}
}

func TestDrainWaitsForWhatIsUnderWay(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	s, _ := world(t, func(http.ResponseWriter, *http.Request) { close(entered); <-leave })
	answered := make(chan error, 1)
	go func() {
		_, err := s.invokeEndpoint(context.Background(), call(), &input{EndpointName: new("Digits")})
		answered <- err
	}()
	<-entered
	s.Remove(account, "Digits")
	drained := make(chan struct{})
	go func() { s.Drain(context.Background(), "a"); close(drained) }()
	select {
	case <-drained:
		t.Error("drained with a request under way")
	case <-time.After(50 * time.Millisecond):
	}
	close(leave)
	if err := <-answered; err != nil {
		t.Errorf("the request under way: %v", err)
	}
	<-drained
}

func TestRoutesChangeUnderLoad(t *testing.T) {
	s, p := world(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") })
	p.serve(t, "b", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") })
	t.Cleanup(func() { s.Drain(context.Background(), "b") })
	var g sync.WaitGroup
	for range 8 {
		g.Go(func() {
			for range 200 {
				if _, err := s.invokeEndpoint(t.Context(), call(), &input{EndpointName: new("Digits")}); err != nil {
					t.Errorf("invoke: %v", err)
					return
				}
			}
		})
	}
	for n := range 200 {
		s.Route(account, "Digits", map[string]float64{"v": 1}, map[string][]string{"v": {[]string{"a", "b"}[n%2]}})
	}
	g.Wait()
}

func TestChecks(t *testing.T) {
	ch := invokeEndpointChecks(call(), &input{EndpointName: new("Digits"), TargetModel: new("m")})
	if len(ch) != 1 || ch[0].Action != "sagemaker:InvokeEndpoint" || ch[0].Resource != "arn:aws:sagemaker:us-east-1:111122223333:endpoint/digits" ||
		len(ch[0].Keys) != 1 || ch[0].Keys[0].Name != "sagemaker:TargetModel" {
		t.Errorf("checks %+v", ch)
	}
}

func TestBind(t *testing.T) {
	b, err := New(&places{}, "us-east-1").Bind()
	if err != nil || len(b.Operations) != 1 {
		t.Fatalf("%v %v", b, err)
	}
}

func BenchmarkInvoke(b *testing.B) {
	body := make([]byte, 1024)
	s, _ := world(b, func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body); w.Write(body) })
	c := call()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		in := &input{EndpointName: new("Digits"), Body: body, ContentType: new("text/csv")}
		for pb.Next() {
			if _, err := s.invokeEndpoint(context.Background(), c, in); err != nil {
				b.Fatal(err)
			}
		}
	})
}
