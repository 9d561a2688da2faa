package compat

import (
	"encoding/json"
	"fmt"
	"testing"
)

// TestProcessing runs processing jobs with boto3 from inside the subnet. Their image is loaded by the operator, and
// writes down what it is given.
func TestProcessing(t *testing.T) {
	t.Parallel()
	python := needBoto3(t)
	d := own(t)
	v := d.vpc(t, "sagemaker.api", "logs")
	d.provide(t)
	v.permit(t, v.group, "7077")
	from := layoutOf(t, "recorder", map[string]any{"Entrypoint": []string{"/recorder"}, "User": "trainer"})
	if out, err := d.command("image", "load", from).CombinedOutput(); err != nil {
		t.Fatalf("load: %v %s", err, out)
	}
	order, err := json.Marshal(map[string]any{"bucket": bucket, "role": role, "image": "mine:1", "subnets": v.subnets, "group": v.group,
		"outside": "logs." + region + ".amazonaws.com:443"})
	if err != nil {
		t.Fatal(err)
	}
	t.Log(v.inside().as(v.user(t, "pat", fmt.Sprintf(boundTo, v.id))).must(t, python, "boto3/processing.py", string(order)))
	waitFor(t, "interfaces of ended jobs are left", func() bool {
		return d.internet().aws(t, "ec2", "describe-network-interfaces", "--filters", "Name=description,Values=*Processing Job*", "--query", "length(NetworkInterfaces)") == "0"
	})
}
