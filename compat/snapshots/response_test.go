package snapshots

import (
	"encoding/base64"
	"encoding/json"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloister/internal/engine/wire"
	"cloister/internal/value/fault"
	"cloister/internal/value/model"
)

// TestResponses fills our outputs from the answers that the SDK reads, and wants the same answers back.
func TestResponses(t *testing.T) {
	for _, m := range modules {
		if m.service != "sagemaker" && m.service != "sagemakerruntime" && m.service != "logs" {
			continue // the SDK publishes no answers of the XML services
		}
		t.Run(m.service, func(t *testing.T) {
			svc := model.MustLoad(m.service)
			known := 0
			for _, s := range snapshots(t, filepath.Join(folder(t, m.module), "response_snapshot"), ".response.snap") {
				op := svc.Operations[s.operation]
				if op == nil {
					continue
				}
				known++
				_, out := m.types(s.operation)
				var want any
				if out != nil {
					want = fill(t, op.Output, reflect.ValueOf(out).Elem(), s)
				}
				w, err := wire.Encode(op, out, "id")
				if err != nil || w.Status/100 != 2 { // the SDK writes 200 for all
					t.Errorf("%s: %v %+v", s.operation, err, w)
					continue
				}
				if op.Output == nil || op.Output.Payload != "" || streams(op.Output) {
					continue
				}
				if d := cmp.Diff(want, parsed(t, w.Bytes)); d != "" {
					t.Errorf("%s: %s", s.operation, d)
				}
			}
			if known < m.least {
				t.Errorf("%d operations, expected %d", known, m.least)
			}
		})
	}
}

func streams(s *model.Shape) bool {
	for _, m := range s.Members {
		if m.Shape.EventStream || m.Streaming {
			return true
		}
	}
	return false
}

// TestErrors wants our faults to carry what the SDK reads from a modelled exception.
func TestErrors(t *testing.T) {
	for _, m := range modules {
		svc := model.MustLoad(m.service)
		for _, s := range snapshots(t, filepath.Join(folder(t, m.module), "response_snapshot"), ".error.snap") {
			shape := svc.Shapes[s.operation]
			if shape == nil {
				continue
			}
			want, _ := parsed(t, s.body).(map[string]any)
			f := fault.Kind{Code: shape.ErrorCode, Status: 400}.New("%s", "__Message__")
			for k, v := range want {
				if !strings.EqualFold(k, "message") && k != "__type" {
					f = f.With(k, v)
				}
			}
			w := wire.EncodeFault(svc, nil, f, "id")
			got, _ := parsed(t, w.Bytes).(map[string]any)
			for k, v := range want {
				if k != "__type" && !reflect.DeepEqual(got[k], v) {
					t.Errorf("%s.%s: %s is %v, want %v", m.service, s.operation, k, got[k], v)
				}
			}
			code, _ := got["__type"].(string)
			if code+w.Header.Get("X-Amzn-Errortype") != shape.ErrorCode {
				t.Errorf("%s.%s: %s %v", m.service, s.operation, w.Bytes, w.Header)
			}
		}
	}
}

func parsed(t *testing.T, b []byte) any {
	t.Helper()
	if len(b) == 0 {
		return nil
	}
	var x any
	if err := json.Unmarshal(b, &x); err != nil {
		t.Errorf("%s: %v", b, err)
	}
	return x
}

// fill sets an output from a snapshot's body and gives that body without the members we are too old to know.
func fill(t *testing.T, s *model.Shape, v reflect.Value, snap snapshot) any {
	if s.Payload != "" || streams(s) {
		return nil
	}
	x, _ := parsed(t, snap.body).(map[string]any)
	if x == nil {
		x = map[string]any{}
	}
	set(s, v, x)
	return x
}

func set(s *model.Shape, v reflect.Value, x any) {
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	switch s.Type {
	case "structure":
		setMembers(s, v, x.(map[string]any))
	case "list":
		all := x.([]any)
		v.Set(reflect.MakeSlice(v.Type(), len(all), len(all)))
		for i := range all {
			set(s.Element.Shape, v.Index(i), all[i])
		}
	case "map":
		v.Set(reflect.MakeMap(v.Type()))
		for k, y := range x.(map[string]any) {
			e := reflect.New(v.Type().Elem()).Elem()
			set(s.Value.Shape, e, y)
			v.SetMapIndex(reflect.ValueOf(k), e)
		}
	case "timestamp":
		v.Set(reflect.ValueOf(time.Unix(int64(x.(float64)), 0)))
	case "blob":
		b, _ := base64.StdEncoding.DecodeString(x.(string))
		v.SetBytes(b)
	default:
		v.Set(reflect.ValueOf(x).Convert(v.Type()))
	}
}

func setMembers(s *model.Shape, v reflect.Value, x map[string]any) {
	known := map[string]bool{}
	for _, m := range s.Members {
		known[m.Wire] = true
		y, ok := x[m.Wire]
		if !ok {
			continue
		}
		if y == nil {
			delete(x, m.Wire)
			continue
		}
		set(m.Shape, v.FieldByName(strings.ToUpper(m.Name[:1])+m.Name[1:]), y)
	}
	for k := range x {
		if !known[k] {
			delete(x, k)
		}
	}
}
