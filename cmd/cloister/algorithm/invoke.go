package algorithm

import (
	"strings"
	"sync"

	"github.com/valyala/fasthttp"

	"cloister/internal/engine/kmeans"
	"cloister/internal/engine/recordio"
)

// endpoint answers the container's HTTP interface with one model.
type endpoint struct {
	program
	model   kmeans.Model
	buffers sync.Pool // of *buffer
}

// buffer is the memory of one request, used again by the next.
type buffer struct {
	rows        []float32
	predictions []kmeans.Prediction
	body        []byte
}

// keepValues is the size up to which a buffer is kept.
const keepValues = 1 << 18

func (e *endpoint) handle(ctx *fasthttp.RequestCtx) {
	path, method := string(ctx.Path()), string(ctx.Method())
	want := fasthttp.MethodGet
	switch path {
	case "/invocations":
		want = fasthttp.MethodPost
	case "/ping", "/execution-parameters":
	default:
		refuse(ctx, fasthttp.StatusNotFound, "no such path: "+path)
		return
	}
	if method != want {
		ctx.Response.Header.Set("Allow", want)
		refuse(ctx, fasthttp.StatusMethodNotAllowed, path+" takes "+want)
		return
	}
	switch path {
	case "/invocations":
		e.invoke(ctx)
	case "/execution-parameters":
		ctx.SetContentType(string(recordio.JSON))
		ctx.SetBodyString(executionParameters())
	}
}

func refuse(ctx *fasthttp.RequestCtx, status int, text string) {
	ctx.SetStatusCode(status)
	ctx.SetContentType("text/plain; charset=utf-8")
	ctx.SetBodyString(text)
}

func (e *endpoint) invoke(ctx *fasthttp.RequestCtx) {
	content, ok := contentOf(ctx.Request.Header.ContentType())
	if !ok {
		e.refuseInvocation(ctx, fasthttp.StatusUnsupportedMediaType, "Customer Error: Content-Type header value '"+string(ctx.Request.Header.ContentType())+"' not supported")
		return
	}
	answer, ok := answerFormat(string(ctx.Request.Header.Peek("Accept")))
	if !ok {
		e.refuseInvocation(ctx, fasthttp.StatusNotAcceptable, "Customer Error: Accept header value '"+string(ctx.Request.Header.Peek("Accept"))+"' not supported")
		return
	}
	b, _ := e.buffers.Get().(*buffer)
	if b == nil {
		b = &buffer{}
	}
	rows, err := recordio.AppendRows(b.rows[:0], content, ctx.Request.Body(), e.model.Dim)
	if err != nil {
		e.refuseInvocation(ctx, fasthttp.StatusBadRequest, "unable to evaluate payload provided: "+err.Error())
		return
	}
	b.rows = rows
	b.predictions = e.model.Predict(b.predictions[:0], rows)
	b.body = appendAnswer(b.body[:0], answer, b.predictions)
	ctx.SetContentType(string(answer))
	ctx.SetBody(b.body)
	if cap(b.rows) <= keepValues && cap(b.body) <= keepValues {
		e.buffers.Put(b)
	}
}

func (e *endpoint) refuseInvocation(ctx *fasthttp.RequestCtx, status int, text string) {
	e.log("ERROR", "%s", text)
	refuse(ctx, status, text)
}

// contentOf reads a request's content type; the usual ones cost nothing.
func contentOf(header []byte) (recordio.ContentType, bool) {
	switch format := recordio.Format(header); format {
	case recordio.CSV, recordio.JSON, recordio.JSONLines, recordio.RecordIO:
		return recordio.ContentType{Format: format, LabelSize: -1}, true
	}
	content, err := recordio.ParseContentType(string(header))
	return content, err == nil
}

// answerFormat picks the first format of an Accept header that can be given; JSON where anything
// will do.
func answerFormat(accept string) (recordio.Format, bool) {
	if accept == "" {
		return recordio.JSON, true
	}
	for item := range strings.SplitSeq(accept, ",") {
		item, _, _ = strings.Cut(item, ";")
		item = strings.TrimSpace(item)
		if item == "*/*" || item == "application/*" {
			return recordio.JSON, true
		}
		if content, ok := contentOf([]byte(item)); ok {
			return content.Format, true
		}
	}
	return "", false
}

func appendAnswer(dst []byte, format recordio.Format, predictions []kmeans.Prediction) []byte {
	switch format {
	case recordio.JSONLines:
		return kmeans.AppendJSONLines(dst, predictions)
	case recordio.CSV:
		return kmeans.AppendCSV(dst, predictions)
	case recordio.RecordIO:
		names := []string{kmeans.ClosestCluster, kmeans.DistanceToCluster}
		for _, p := range predictions {
			dst = recordio.AppendPrediction(dst, names, []float32{float32(p.Cluster), p.Distance})
		}
		return dst
	}
	return kmeans.AppendJSON(dst, predictions)
}
