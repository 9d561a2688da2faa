package diff

import (
	"testing"
	"time"
)

// TestDiff01Ready: states come in AWS's order, but soon.
func TestDiff01Ready(t *testing.T) {
	vpc, subnet, _ := network(t)
	made := root.query(t, "ec2", "CreateVpcEndpoint", "VpcId", vpc, "ServiceName", "com.amazonaws."+region+".sts", "VpcEndpointType", "Interface",
		"SubnetId.1", subnet, "PrivateDnsEnabled", "false").good(t)
	if state := made.one(t, "state"); state != "pending" {
		t.Errorf("made %s", state)
	}
	id := made.one(t, "vpcEndpointId")
	for range 100 { // ten seconds, where AWS needs minutes
		if root.query(t, "ec2", "DescribeVpcEndpoints", "VpcEndpointId.1", id).one(t, "state") == "available" {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Error("the endpoint is not available after ten seconds")
}
