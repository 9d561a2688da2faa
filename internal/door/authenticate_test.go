package door_test

import (
	"testing"

	"cloister/internal/door/doortest"
)

func TestSmoke(t *testing.T) {
	h := doortest.Open(t)
	root := h.As(t, h.Root)
	a := root.Query("sts", "GetCallerIdentity").Good(t)
	t.Logf("%s", a.Body)
	u := h.As(t, h.User(t, "ann", ""))
	a = u.Call("logs", "DescribeLogGroups", `{}`)
	t.Log(a.Status, a.Code, a.Text, string(a.Body))
	a = u.Query("iam", "ListUsers")
	t.Log(a.Status, a.Code, a.Text, string(a.Body))
}
