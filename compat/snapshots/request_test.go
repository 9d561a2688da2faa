package snapshots

import (
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"cloister/internal/engine/wire"
	"cloister/internal/value/fault"
	"cloister/internal/value/model"
)

// newer are the faults that a filled request may meet: its texts fit no pattern, and the release has
// parameters that our model is too old to know.
var newer = []string{"ValidationException", "ValidationError", "InvalidParameterException", "UnknownParameter", "InvalidParameterValue",
	"InvalidArgument", "MalformedXML", "InvalidStorageClass"}

func TestRequests(t *testing.T) {
	for _, m := range modules {
		t.Run(m.service, func(t *testing.T) {
			svc := model.MustLoad(m.service)
			known := 0
			for _, s := range snapshots(t, filepath.Join(folder(t, m.module), "request_snapshot"), ".request.snap") {
				op := svc.Operations[s.operation]
				if op == nil {
					continue
				}
				known++
				r := s.request(strings.HasPrefix(op.Path, "/{Bucket}"))
				if got, err := wire.Route(svc, r); err != nil || got != op {
					t.Errorf("%s: routed to %v, %v", s.operation, got, err)
					continue
				}
				in, _ := m.types(s.operation)
				err := wire.Decode(op, r, in)
				if f, ok := fault.As(err); err != nil && (!ok || !contains(newer, f.Code)) {
					t.Errorf("%s: %v", s.operation, err)
					continue
				}
				if in == nil {
					continue
				}
				for _, lost := range missing(op.Input, reflect.ValueOf(in).Elem(), s.operation, 0) {
					if !excused[lost] {
						t.Errorf("lost: %s (%v)", lost, err)
					}
				}
			}
			if known < m.least {
				t.Errorf("%d operations, expected %d", known, m.least)
			}
			t.Logf("%d requests", known)
		})
	}
}

func contains(all []string, s string) bool {
	for _, x := range all {
		if x == s {
			return true
		}
	}
	return false
}

// excused are members that the SDK leaves out of its own requests: it knows some structures as unions,
// and ends recursion after one turn.
var excused = map[string]bool{
	"CreateTrialComponent.Parameters{}.NumberValue":                            true,
	"UpdateTrialComponent.Parameters{}.NumberValue":                            true,
	"Search.SearchExpression.SubExpressions[].Filters":                         true,
	"Search.SearchExpression.SubExpressions[].NestedFilters":                   true,
	"Search.SearchExpression.SubExpressions[].Operator":                        true,
	"PutBucketAnalyticsConfiguration.AnalyticsConfiguration.Filter.Tag":        true,
	"PutBucketAnalyticsConfiguration.AnalyticsConfiguration.Filter.And":        true,
	"PutBucketMetricsConfiguration.MetricsConfiguration.Filter.Tag":            true,
	"PutBucketMetricsConfiguration.MetricsConfiguration.Filter.AccessPointArn": true,
	"PutBucketMetricsConfiguration.MetricsConfiguration.Filter.And":            true,
}

// missing names the members that are not set, or that hold the text of another: the SDK fills a text
// with its member's name.
func missing(s *model.Shape, v reflect.Value, path string, depth int) []string {
	var out []string
	set := 0
	for _, m := range s.Members {
		name := strings.ToUpper(m.Name[:1]) + m.Name[1:]
		fv := v.FieldByName(name)
		if fv.IsZero() {
			if !s.Union && !recursive(m.Shape, s, map[*model.Shape]bool{}) {
				out = append(out, path+"."+m.Name)
			}
			continue
		}
		set++
		if fv.Kind() == reflect.Pointer {
			fv = fv.Elem()
		}
		out = append(out, misplaced(m.Shape, fv, path+"."+m.Name, m.Name, depth+1)...)
	}
	if s.Union && set != 1 {
		out = append(out, fmt.Sprintf("%s: %d of a union", path, set))
	}
	return out
}

func misplaced(s *model.Shape, v reflect.Value, path, name string, depth int) []string {
	switch s.Type {
	case "structure":
		if v.Kind() == reflect.Struct {
			return missing(s, v, path, depth)
		}
	case "list":
		if v.Len() == 0 {
			return []string{path + " is empty"}
		}
		return misplaced(s.Element.Shape, v.Index(0), path+"[]", "Member", depth)
	case "map":
		if v.Len() == 0 {
			return []string{path + " is empty"}
		}
		for it := v.MapRange(); it.Next(); {
			return misplaced(s.Value.Shape, it.Value(), path+"{}", "Value", depth)
		}
	case "string":
		text := strings.ToLower(v.String())
		own := text == "__"+strings.ToLower(name)+"__" || strings.HasSuffix(text, "member"+strings.ToLower(name)+"__") // of a union
		if len(s.Enum) == 0 && !own && name != "Expires" {
			return []string{fmt.Sprintf("%s holds %q", path, v)}
		}
	}
	return nil
}

// recursive tells whether a shape leads back to another; the SDK cuts such members short.
func recursive(s, to *model.Shape, seen map[*model.Shape]bool) bool {
	if s == to {
		return true
	}
	if seen[s] {
		return false
	}
	seen[s] = true
	for _, m := range s.Members {
		if recursive(m.Shape, to, seen) {
			return true
		}
	}
	return s.Element != nil && recursive(s.Element.Shape, to, seen) || s.Value != nil && recursive(s.Value.Shape, to, seen)
}
