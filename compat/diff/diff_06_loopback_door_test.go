package diff

import "testing"

// TestDiff06LoopbackDoor: where the host is no name of AWS's, the signature says which service is meant.
func TestDiff06LoopbackDoor(t *testing.T) {
	root.query(t, "sts", "GetCallerIdentity").good(t)
	root.json(t, "sagemaker", "ListEndpoints", object{}).good(t)
	nobody := new(client)
	nobody.s3(t, "GET", "some-bucket/key", "").fault(t, 404, "UnknownOperationException", "names no service, and neither does the signature")
}
