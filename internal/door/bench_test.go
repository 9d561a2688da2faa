package door_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	"cloister/internal/door"
	"cloister/internal/door/doortest"
	"cloister/internal/engine/policy"
	"cloister/internal/frame/api"
	"cloister/internal/frame/directory"
	"cloister/internal/value/caller"
	shape "cloister/internal/value/shape/sagemakerruntime"
)

// runtime answers InvokeEndpoint with what it was given.
func runtime(t testing.TB) *api.Service {
	set := api.NewSet[struct{}]("sagemakerruntime")
	api.Define(set, "InvokeEndpoint", func(c *api.Call, in *shape.InvokeEndpointInput) []api.Check {
		return []api.Check{{Action: "sagemaker:InvokeEndpoint", Resource: c.ARN("sagemaker", "endpoint/"+*in.EndpointName)}}
	}, func(_ struct{}, _ context.Context, _ *api.Call, in *shape.InvokeEndpointInput) (*shape.InvokeEndpointOutput, error) {
		return &shape.InvokeEndpointOutput{Body: in.Body, ContentType: in.ContentType, InvokedProductionVariant: new("all")}, nil
	})
	s, err := set.Bind(struct{}{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// placed is a connection of which only the path is asked.
type placed struct {
	net.Conn
	origin caller.Origin
}

func (p placed) Origin() caller.Origin { return p.origin }

// private is a house whose user may invoke one endpoint through one VPC endpoint.
func private(b *testing.B) (*doortest.House, *doortest.Client, caller.Origin) {
	h := doortest.Open(b, runtime(b))
	id, origin := "vpce-0aaa", doortest.Endpoint("vpce-0aaa", "sagemakerruntime")
	doc, err := policy.Parse(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"sagemaker:InvokeEndpoint","Resource":"arn:aws:sagemaker:us-east-1:111122223333:endpoint/digits"}]}`)
	if err != nil {
		b.Fatal(err)
	}
	h.Directory.SetEndpoint(&directory.Endpoint{ID: id, Account: doortest.Account, Policy: &policy.Attached{Document: doc, ARN: id}})
	user := h.User(b, "ann", doortest.AllowIf(`{"StringEquals":{"aws:SourceVpc":"vpc-0aaa"}}`, "sagemaker:*"))
	return h, h.As(b, user), origin
}

// BenchmarkServe is the same call over 16 connections, with TLS, HTTP and a client that only writes
// and reads.
func BenchmarkServe(b *testing.B) {
	h, sender, origin := private(b)
	address := h.Through(origin)
	f := request(b, sender, "/endpoints/digits/invocations", strings.Repeat("1.0,", 256))
	text := []byte(f.String())
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		c, err := tls.Dial("tcp", address, &tls.Config{RootCAs: h.Authority.Pool(), ServerName: string(f.Host())})
		if err != nil {
			b.Error(err)
			return
		}
		defer c.Close()
		in, w := bufio.NewReader(c), new(fasthttp.Response)
		for pb.Next() {
			if _, err := c.Write(text); err != nil {
				b.Error(err)
				return
			}
			if err := w.Read(in); err != nil || w.StatusCode() != http.StatusOK {
				b.Errorf("%v, %d %s", err, w.StatusCode(), w.Body())
				return
			}
		}
	})
}

// BenchmarkCall is one small call through a VPC endpoint, without sockets and TLS: from the parsed
// head to the answer's head, with the signature, an identity policy, an endpoint policy and the record.
func BenchmarkCall(b *testing.B) {
	h, sender, origin := private(b)
	ctx := request(b, sender, "/endpoints/digits/invocations", strings.Repeat("1.0,", 256))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		one := new(fasthttp.RequestCtx)
		one.Init2(placed{origin: origin}, nil, false)
		for pb.Next() {
			ctx.CopyTo(&one.Request)
			one.Response.Reset()
			door.Handle(h.Door, b.Context(), one)
			if s := one.Response.StatusCode(); s != http.StatusOK {
				b.Fatalf("answered %d: %s", s, one.Response.Body())
			}
		}
	})
}

// request is what fasthttp makes of a signed request.
func request(b *testing.B, c *doortest.Client, path, body string) *fasthttp.Request {
	r := c.Request("sagemakerruntime", http.MethodPost, path, body)
	for k, v := range map[string]string{"Content-Type": "text/csv", "Accept": "application/json", "X-Amz-User-Agent": "aws-sdk-go",
		"User-Agent": "aws-cli/2.9.19 Python/3.11.2 Linux/6.1 source/x86_64.debian.12", "Accept-Encoding": "identity",
		"Amz-Sdk-Invocation-Id": "3f2504e0-4f89-11d3-9a0c-0305e82c3301", "Amz-Sdk-Request": "attempt=1"} {
		r.Header.Set(k, v)
	}
	c.Sign(r, "sagemakerruntime")
	f := new(fasthttp.Request)
	f.Header.SetMethod(r.Method)
	f.SetRequestURI(path)
	f.Header.SetHost(r.URL.Host)
	for k, vs := range r.Header {
		f.Header.Set(k, vs[0])
	}
	f.SetBodyString(body)
	return f
}
