package model

import (
	"sync"
	"testing"
)

func TestLoadGivesOneModelToAll(t *testing.T) {
	want, err := Load("sagemaker")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if got := MustLoad("sagemaker"); got != want {
				t.Error("another model")
			}
		})
	}
	wg.Wait()
}

func TestUnknownService(t *testing.T) {
	for _, id := range []string{"", "nothing", "../data/ec2", "ec2.json.gz"} {
		if s, err := Load(id); err == nil || s != nil {
			t.Errorf("Load(%q) = %v, %v", id, s, err)
		}
	}
}

// Every pointer is there: a codec may follow them without looking.
func TestModelsAreWhole(t *testing.T) {
	counts := map[string]int{"sagemaker": 396, "sagemakerruntime": 3, "iam": 176, "sts": 11, "logs": 113, "cloister": 6, "organizations": 42}
	for _, id := range IDs() {
		s := MustLoad(id)
		if n := counts[id]; n != 0 && len(s.Operations) != n {
			t.Errorf("%s: %d operations, want %d", id, len(s.Operations), n)
		}
		if s.ID != id || s.Protocol == "" || s.SigningName == "" || s.EndpointPrefix == "" || s.APIVersion == "" {
			t.Errorf("%s: incomplete: %+v", id, s)
		}
		for name, op := range s.Operations {
			if op.Service != s || op.Name != name || op.Status == 0 || op.Method == "" || op.Path == "" {
				t.Errorf("%s.%s: incomplete", id, name)
			}
		}
		for name, shape := range s.Shapes {
			members := append([]*Member{shape.Element, shape.Key, shape.Value}, shape.Members...)
			for _, m := range members {
				if m != nil && (m.Shape == nil || s.Shapes[m.Shape.Name] != m.Shape) {
					t.Errorf("%s.%s.%s: no shape", id, name, m.Name)
				}
			}
			if (shape.Type == "list") != (shape.Element != nil) || (shape.Type == "map") != (shape.Value != nil) {
				t.Errorf("%s.%s: %s without its elements", id, name, shape.Type)
			}
		}
	}
}

func TestFacts(t *testing.T) {
	sm := MustLoad("sagemaker")
	if got := sm.TargetPrefix + sm.JSONVersion + sm.Protocol; got != "SageMaker1.1json" {
		t.Error(got)
	}
	if op := MustLoad("s3").Operations["DeleteObject"]; op.Status != 204 || op.Path != "/{Bucket}/{Key+}" {
		t.Error(op.Status, op.Path)
	}
	if op := MustLoad("iam").Operations["CreateRole"]; op.Result != "CreateRoleResult" || op.Errors[0].ErrorCode == "" {
		t.Error(op.Result)
	}
}

func BenchmarkRead(b *testing.B) {
	for _, id := range []string{"sagemaker", "ec2", "s3"} {
		b.Run(id, func(b *testing.B) {
			for b.Loop() {
				if _, err := read(id); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
