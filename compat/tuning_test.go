package compat

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestTuningAndTransform searches with boto3 from inside the subnet, starts warm from what was found, and has the
// best model answer each row of a prefix.
func TestTuningAndTransform(t *testing.T) {
	t.Parallel()
	python := needProgram(t, "python3")
	d := own(t)
	v := d.vpc(t, "sagemaker.api")
	d.provide(t)
	answer := filepath.Join(t.TempDir(), "answer")
	order, err := json.Marshal(map[string]any{"bucket": bucket, "name": "tune", "role": role, "image": kmeans, "subnets": v.subnets,
		"group": v.group, "data": digits(t), "answer": answer})
	if err != nil {
		t.Fatal(err)
	}
	t.Log(v.inside().as(v.user(t, "toni", fmt.Sprintf(boundTo, v.id))).must(t, python, "boto3/tune.py", string(order)))
	rows, err := os.ReadFile(digits(t))
	if err != nil {
		t.Fatal(err)
	}
	out, err := os.ReadFile(answer)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := bytes.Count(out, []byte("\n")), bytes.Count(rows, []byte("\n")); got != want || !bytes.Contains(out, []byte("closest_cluster")) {
		t.Errorf("%d answers to %d rows: %.200s", got, want, out)
	}
}
