package wire

import (
	"math/rand/v2"
	"reflect"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloister/internal/value/fault"
	"cloister/internal/value/model"
)

// Every operation's input, with every member filled from the model, arrives as it was sent and breaks
// no constraint; a part of the seeds is fixed so that a failure comes back.
func TestEveryInputArrives(t *testing.T) {
	unmade := 0
	eachOperation(func(op *model.Operation, in, _ any) {
		if (in == nil) != (op.Input == nil) {
			t.Errorf("%s: input %T", op.Name, in)
		}
		if in == nil {
			return
		}
		name := op.Service.ID + "." + op.Name
		for seed := range uint64(3) {
			sent, got := fresh(in), fresh(in)
			p, v, err := inputPlan(op, sent)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				return
			}
			if p == nil {
				return
			}
			f := &filler{rand: rand.New(rand.NewPCG(seed, 7)), text: "streamed"}
			f.structure(p, v, 0)
			r := asClient(op, p, v)
			if found, err := Route(op.Service, r); err != nil || found != op {
				t.Errorf("%s: routed to %v, %v (%s?%s)", name, found, err, r.Path, r.RawQuery)
				return
			}
			if err := Decode(op, r, got); err != nil {
				if _, ok := fault.As(err); ok && unmakeable(p, v) {
					unmade++
					continue
				}
				t.Errorf("%s: %v", name, err)
				return
			}
			if r.Body != nil {
				if s := unstream(p, reflect.ValueOf(got).Elem()); s != "c3RyZWFtZWQ=<nil>" {
					t.Errorf("%s: stream %s", name, s)
				}
				unstream(p, v)
			}
			if d := cmp.Diff(sent, got); d != "" {
				t.Errorf("%s: %s", name, d)
				return
			}
		}
	})
	t.Logf("%d inputs held a text that the test could not make", unmade)
	if unmade > 60 {
		t.Errorf("%d inputs were not checked", unmade)
	}
}

// unmakeable tells whether the filler failed to make a text of some pattern, and left it empty.
func unmakeable(p *plan, v reflect.Value) bool {
	c := checker{}
	c.structure(p, v)
	return len(c.found) > 0
}

func TestEveryOutputArrives(t *testing.T) {
	eachOperation(func(op *model.Operation, _, out any) {
		if (out == nil) != (op.Output == nil) {
			t.Errorf("%s: output %T", op.Name, out)
		}
		if out == nil {
			return
		}
		name := op.Service.ID + "." + op.Name
		for seed := range uint64(2) {
			sent, got := fresh(out), fresh(out)
			p, v, err := structurePlan(op, op.Output, sent)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				return
			}
			if p == nil {
				return
			}
			f := &filler{rand: rand.New(rand.NewPCG(seed, 9)), text: "streamed"}
			f.structure(p, v, 0)
			if code := p.member("StatusCode"); code != nil && code.Location == "statusCode" {
				slot(v.Field(code.index)).SetInt(206)
			}
			w, err := Encode(op, sent, "request-id")
			if err != nil {
				t.Errorf("%s: %v", name, err)
				return
			}
			if op.Method == "HEAD" {
				if len(w.Bytes) > 0 || w.Body != nil {
					t.Errorf("%s: a body", name)
				}
			}
			if err := asClientReads(op, w, p, reflect.ValueOf(got).Elem()); err != nil {
				t.Errorf("%s: %v\n%s", name, err, w.Bytes)
				return
			}
			if w.Body != nil && op.Service.Protocol == "json" {
				continue // an event stream takes the body's place
			}
			if w.Body != nil {
				if s := unstream(p, reflect.ValueOf(got).Elem()); s != "c3RyZWFtZWQ=<nil>" {
					t.Errorf("%s: stream %s", name, s)
				}
				unstream(p, v)
			}
			if d := cmp.Diff(sent, got); d != "" {
				t.Errorf("%s: %s\n%s", name, d, w.Bytes)
				return
			}
		}
	})
}

// Plans are made by whoever comes first, also when many come at once.
func TestManyAtOnce(t *testing.T) {
	plans.Lock()
	plans.made = map[planKey]*plan{}
	plans.Unlock()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for _, name := range []string{"CreateTrainingJob", "CreateModel", "CreateEndpointConfig", "ListModels"} {
				op := model.MustLoad("sagemaker").Operations[name]
				if err := Decode(op, post(`{"Tags":[{"Key":""}],"ModelName":"-"}`), inputOf(op)); err == nil && name != "ListModels" {
					t.Errorf("%s took nothing for a whole input", name)
				}
			}
		})
	}
	wg.Wait()
}
