package sagemakerruntime

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"cloister/internal/frame/api"
	"cloister/internal/value/arn"
	"cloister/internal/value/shape/sagemakerruntime"
)

type (
	input  = sagemakerruntime.InvokeEndpointInput
	output = sagemakerruntime.InvokeEndpointOutput
)

var _ = api.Define(operations, "InvokeEndpoint", invokeEndpointChecks, (*Service).invokeEndpoint)

func invokeEndpointChecks(c *api.Call, in *input) []api.Check {
	check := api.Check{Action: "sagemaker:InvokeEndpoint", Resource: c.ARN("sagemaker", "endpoint/"+strings.ToLower(text(in.EndpointName)))}
	if in.TargetModel != nil {
		check.Keys = []api.Key{api.K("sagemaker:TargetModel", *in.TargetModel)}
	}
	return []api.Check{check}
}

const (
	customAttributes = "X-Amzn-SageMaker-Custom-Attributes"
	inferenceID      = "X-Amzn-SageMaker-Inference-Id"
)

// invokeEndpoint takes one request to one container. Names are matched with case here, unlike
// everywhere else, as on AWS.
func (s *Service) invokeEndpoint(_ context.Context, c *api.Call, in *input) (*output, error) {
	if err := refuse(in); err != nil {
		return nil, err
	}
	endpoint := text(in.EndpointName)
	r := (*s.routes.Load())[name{c.Account(), endpoint}]
	if r == nil {
		return nil, validation.New("Endpoint %s of account %s not found.", endpoint, c.Account()).With("ErrorCode", "NO_SUCH_ENDPOINT")
	}
	v, err := r.choose(text(in.TargetVariant))
	if err != nil {
		return nil, err
	}
	v.invocations.Add(1)
	req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(req)
	defer fasthttp.ReleaseResponse(resp)
	dress(req, in)
	start := time.Now()
	err = s.send(v, req, resp)
	v.model.Add(int64(time.Since(start)))
	if !c.Time.IsZero() {
		v.overhead.Add(int64(max(0, start.Sub(c.Time))))
	}
	if err != nil {
		v.errors5xx.Add(1)
		return nil, s.unanswered(c, endpoint, err)
	}
	if code := resp.StatusCode(); code < 200 || code > 299 {
		if code >= 400 && code < 500 {
			v.errors4xx.Add(1)
		} else {
			v.errors5xx.Add(1)
		}
		return nil, s.answeredWith(c, endpoint, code, resp)
	}
	return answer(v, resp), nil
}

// refuse names what a request asks for that no endpoint here has.
func refuse(in *input) error {
	switch {
	case len(in.Body) > largest:
		return validation.New("The request body is longer than %d bytes.", largest)
	case in.TargetModel != nil:
		return validation.New("TargetModel: endpoint %s is not a multi-model endpoint.", text(in.EndpointName))
	case in.TargetContainerHostname != nil:
		return validation.New("TargetContainerHostname: endpoint %s has no containers that can be invoked directly.", text(in.EndpointName))
	case in.InferenceComponentName != nil:
		return validation.New("InferenceComponentName: endpoint %s has no inference components.", text(in.EndpointName))
	case in.SessionId != nil:
		return validation.New("SessionId: endpoint %s has no stateful sessions.", text(in.EndpointName))
	case in.EnableExplanations != nil:
		return validation.New("EnableExplanations: endpoint %s has no explainer.", text(in.EndpointName))
	}
	return nil
}

// choose gives the variant that was asked for, or one by weight.
func (r *route) choose(target string) (*variant, error) {
	if target != "" {
		for _, v := range r.variants {
			if v.name == target {
				return v, nil
			}
		}
		return nil, validation.New("Variant %s not found for Request.", target)
	}
	switch len(r.variants) {
	case 0:
		return nil, unavailable.New("The endpoint has no instance that could take the request.")
	case 1:
		return r.variants[0], nil
	}
	at := rand.Float64() * r.total
	for _, v := range r.variants {
		if at -= v.weight; at < 0 {
			return v, nil
		}
	}
	return r.variants[len(r.variants)-1], nil
}

// dress makes the container's request: what the customer sent beside these headers stays outside.
func dress(req *fasthttp.Request, in *input) {
	req.Header.SetMethod(fasthttp.MethodPost)
	req.SetRequestURI("http://localhost:8080/invocations")
	req.Header.SetNoDefaultContentType(true)
	for _, h := range [...]struct {
		name  string
		value *string
	}{
		{"Content-Type", in.ContentType}, {"Accept", in.Accept}, {customAttributes, in.CustomAttributes}, {inferenceID, in.InferenceId},
	} {
		if h.value != nil {
			req.Header.Set(h.name, *h.value)
		}
	}
	req.SetBodyRaw(in.Body)
}

// send asks the variant's instances in turn; where nobody listens, nothing was sent and the next one
// is asked.
func (s *Service) send(v *variant, req *fasthttp.Request, resp *fasthttp.Response) error {
	deadline := time.Now().Add(s.timeout)
	turn := v.turn.Add(1)
	var err error
	for n := range len(v.instances) {
		i := v.instances[(int(turn)+n)%len(v.instances)]
		i.underWay.Add(1)
		err = i.client.DoDeadline(req, resp, deadline)
		i.underWay.Add(-1)
		var none *noConnection
		if !errors.As(err, &none) {
			return err
		}
	}
	return err
}

func answer(v *variant, resp *fasthttp.Response) *output {
	out := &output{InvokedProductionVariant: &v.name}
	if t := resp.Header.ContentType(); len(t) > 0 {
		out.ContentType = new(string(t))
	}
	if a := resp.Header.Peek(customAttributes); len(a) > 0 {
		out.CustomAttributes = new(string(a))
	}
	out.Body = resp.SwapBody(nil) // the buffer changes owner, nothing is copied
	return out
}

// longestMessage bounds what of a container's answer goes into an error.
const longestMessage = 64 << 10

// answeredWith is the fault for a container that said no.
func (s *Service) answeredWith(c *api.Call, endpoint string, code int, resp *fasthttp.Response) error {
	body := resp.Body()
	if len(body) > longestMessage {
		body = body[:longestMessage]
	}
	said := strings.ToValidUTF8(string(body), "\uFFFD")
	side, kind := "client", "CLIENT_ERROR_FROM_MODEL"
	if code < 400 || code > 499 {
		side, kind = "server", "SERVER_ERROR_FROM_MODEL"
	}
	return s.modelError(c, endpoint, code, kind, said, `Received %s error (%d) from primary with message "%s".`, side, code, said)
}

const timedOut = "Your invocation timed out while waiting for a response from container primary. Review the latency metrics for each container in Amazon CloudWatch, resolve the issue, and try again."

// unanswered is the fault for a container that gave no answer.
func (s *Service) unanswered(c *api.Call, endpoint string, err error) error {
	switch {
	case errors.Is(err, fasthttp.ErrTimeout):
		return s.modelError(c, endpoint, 0, "SERVER_ERROR_FROM_MODEL", timedOut, `Received server error (0) from primary with message "%s".`, timedOut)
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		return s.modelError(c, endpoint, 200, "SERVER_ERROR_FROM_MODEL", "", `Received success response (200) from primary and could not load the entire response body.`)
	}
	const broken = "The container closed the connection or did not accept it."
	return s.modelError(c, endpoint, 0, "INTERNAL_FAILURE_FROM_MODEL", broken, `Received server error (0) from primary with message "%s".`, broken)
}

func (s *Service) modelError(c *api.Call, endpoint string, code int, kind, said, format string, args ...any) error {
	group := "/aws/sagemaker/Endpoints/" + endpoint
	f := modelError.New(format, args...)
	f.Message += " See https://" + s.region + ".console.aws.amazon.com/cloudwatch/home?region=" + s.region + "#logEventViewer:group=" + group +
		" in account " + c.Account() + " for more information."
	f.Fields = map[string]any{
		"ErrorCode": kind, "OriginalStatusCode": int32(code), "OriginalMessage": said,
		"LogStreamArn": arn.Format("logs", s.region, c.Account(), "log-group:"+group),
	}
	return f
}

func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}
