package diff

import "testing"

// TestDiff49Upstreams: the rule itself is tested where an upstream can be had, in internal/door and
// internal/engine/policy; here is what a Cloister without one says, whatever the caller may.
func TestDiff49Upstreams(t *testing.T) {
	root.json(t, "kms", "TrentService.ListKeys", object{}).fault(t, 501, "NotImplementedException",
		"kms is not served by this Cloister. To hand its calls on, name an upstream in the configuration: services: {kms: https://…}")
}
