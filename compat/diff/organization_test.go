package diff

import (
	"sync"
	"testing"
)

var theOrganization sync.Once

// organization is that of all tests: an account manages one at most.
func organization(t *testing.T) object {
	t.Helper()
	theOrganization.Do(func() { root.json(t, "organizations", "CreateOrganization", object{}).good(t) })
	return root.json(t, "organizations", "DescribeOrganization", object{}).object(t)["Organization"].(object)
}
