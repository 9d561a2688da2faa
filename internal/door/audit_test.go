package door_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"cloister/internal/door/doortest"
	"cloister/internal/frame/audit"
	"cloister/internal/value/caller"
)

// explained asks for the record of an answer.
func explained(c *doortest.Client, id string) (*audit.Entry, *doortest.Answer) {
	a := c.Call("cloister", "ExplainRequest", fmt.Sprintf(`{"RequestId":%q}`, id))
	if a.Status != 200 {
		return nil, a
	}
	var out struct{ RequestId, Explanation string }
	a.JSON(c.TB, &out)
	e := new(audit.Entry)
	if err := json.Unmarshal([]byte(out.Explanation), e); err != nil || out.RequestId != id || e.RequestID != id {
		c.TB.Errorf("%s: %v, %s", id, err, a.Body)
	}
	return e, a
}

func notOnRecord(t *testing.T, a *doortest.Answer, id, account string) {
	t.Helper()
	a.Fault(t, 400, "ResourceNotFound", fmt.Sprintf("No call with request id %s is on record in account %s. "+
		"Denied calls are kept until 10000 newer ones of the account push them out, others for its last 4096 calls; fewer where reasons are long.", id, account))
}

func TestEveryOutcomeLeavesARecord(t *testing.T) {
	h := doortest.Open(t, (&stub{}).service(t), runtime(t))
	root := h.As(t, h.Root)
	user := h.As(t, h.User(t, "ann", doortest.AllowIf(`{"StringEquals":{"aws:SourceVpc":"vpc-0aaa"}}`, "sagemaker:*")))
	through := h.Via(t, user.Credentials, h.Through(doortest.Endpoint("vpce-0aaa", "sagemaker")))
	for name, c := range map[string]struct {
		answer             *doortest.Answer
		service, operation string
		status             int
		code               string
		decisions          int
		place              caller.Place
	}{
		"allowed":   {root.Call("sagemaker", "ListModels", "{}"), "sagemaker", "ListModels", 200, "", 1, caller.Internet},
		"no check":  {root.Query("sts", "GetCallerIdentity"), "sts", "GetCallerIdentity", 200, "", 0, caller.Internet},
		"denied":    {user.Call("sagemaker", "ListModels", "{}"), "sagemaker", "ListModels", 400, "AccessDeniedException", 1, caller.Internet},
		"endpoint":  {through.Call("sagemaker", "ListModels", "{}"), "sagemaker", "ListModels", 400, "AccessDeniedException", 1, caller.Endpoint},
		"no answer": {root.Call("sagemaker", "ListEndpoints", "{}"), "sagemaker", "ListEndpoints", 500, "InternalFailure", 1, caller.Internet},
		"fault":     {root.Call("sagemaker", "DescribeModel", `{"ModelName":"m"}`), "sagemaker", "DescribeModel", 400, "ValidationException", 1, caller.Internet},
		"malformed": {root.Call("sagemaker", "DescribeModel", `{}`), "sagemaker", "DescribeModel", 400, "ValidationException", 0, caller.Internet},
		"no checks": {root.Call("sagemaker", "DeleteModel", `{"ModelName":"m"}`), "sagemaker", "DeleteModel", 400, "AccessDeniedException", 0, caller.Internet},
	} {
		e, a := explained(root, c.answer.RequestID())
		if e == nil {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
			continue
		}
		if e.Service != c.service || e.Operation != c.operation || e.Status != c.status || e.Code != c.code || len(e.Decisions) != c.decisions ||
			e.Origin.Place != c.place || e.Message != c.answer.Text || e.Identity.Account != doortest.Account || e.Duration <= 0 || e.Time.IsZero() {
			t.Errorf("%s is on record as %+v", name, e)
		}
	}
}

func TestWhyTellsThePathAndWhatDecided(t *testing.T) {
	h := doortest.Open(t, runtime(t))
	user := h.As(t, h.User(t, "ann", doortest.AllowIf(`{"StringEquals":{"aws:SourceVpc":"vpc-0aaa"}}`, "sagemaker:InvokeEndpoint")))
	a := user.Do(user.Request("sagemakerruntime", "POST", "/endpoints/digits/invocations", "1"), "sagemakerruntime")
	check := func() {
		t.Helper()
		e, answer := explained(h.As(t, h.Root), a.RequestID())
		if e == nil {
			t.Fatalf("%d %s", answer.Status, answer.Body)
		}
		if len(e.Decisions) != 1 || len(e.Decisions[0].Policies) != 1 {
			t.Fatalf("%+v", e)
		}
		p := e.Decisions[0].Policies[0]
		if p.Name != "inline" || len(p.Statements) != 1 || p.Statements[0].Failed != "Condition" || len(p.Statements[0].Conditions) != 1 {
			t.Fatalf("%+v", p)
		}
		k := p.Statements[0].Conditions[0]
		if k.Key != "aws:SourceVpc" || k.Seen != nil || k.Held || strings.Join(k.Wanted, "") != "vpc-0aaa" {
			t.Errorf("%+v", k)
		}
		if e.Origin.Source.String() != "127.0.0.1" || e.Identity.ARN != ann || e.Message != a.Text {
			t.Errorf("%+v", e)
		}
	}
	check()
	h.Restart()
	check() // a denied call outlives the process
}

func TestAnAllowedCallIsForgottenWithTheProcess(t *testing.T) {
	h := doortest.Open(t)
	a := h.As(t, h.Root).Query("sts", "GetCallerIdentity").Good(t)
	h.Restart()
	_, b := explained(h.As(t, h.Root), a.RequestID())
	notOnRecord(t, b, a.RequestID(), doortest.Account)
}

func TestNobodyReadsTheCallsOfAnotherAccount(t *testing.T) {
	h := doortest.Open(t)
	id, secret, _, err := h.IAM.Root(t.Context(), doortest.Other)
	if err != nil {
		t.Fatal(err)
	}
	k := h.Root
	k.AccessKey, k.Secret = id, secret
	other, mine := h.As(t, k), h.As(t, h.Root)
	ours := h.As(t, h.User(t, "ann", "")).Query("iam", "ListUsers") // denied, so also in the store
	allowed := mine.Query("sts", "GetCallerIdentity")
	nobodys := h.As(t, doortest.Nobody).Query("sts", "GetCallerIdentity")
	for _, a := range []*doortest.Answer{ours, allowed, nobodys} {
		_, b := explained(other, a.RequestID())
		notOnRecord(t, b, a.RequestID(), doortest.Other)
	}
	h.Restart()
	_, b := explained(h.As(t, k), ours.RequestID())
	notOnRecord(t, b, ours.RequestID(), doortest.Other)
	if e, _ := explained(h.As(t, h.Root), ours.RequestID()); e == nil {
		t.Error("nor in its own")
	}
	if a := h.As(t, h.Root).Call("cloister", "ExplainRequest", "{}"); a.Status != 200 || !strings.Contains(string(a.Body), ours.RequestID()) {
		t.Errorf("the last denied call is %s", a.Body)
	}
	if a := h.As(t, k).Call("cloister", "ExplainRequest", "{}"); a.Status != 400 || !strings.Contains(string(a.Body), "No denied call is on record in account "+doortest.Other) {
		t.Errorf("the other account's last denied call is %s", a.Body)
	}
}

func TestToExplainIsAPermissionToo(t *testing.T) {
	h := doortest.Open(t)
	c := h.As(t, h.User(t, "ann", ""))
	a := c.Query("iam", "ListUsers")
	c.Call("cloister", "ExplainRequest", `{"RequestId":"`+a.RequestID()+`"}`).Fault(t, 400, "AccessDeniedException",
		"User: "+ann+" is not authorized to perform: cloister:ExplainRequest on resource: * because no identity-based policy allows the cloister:ExplainRequest action")
	root := h.As(t, h.Root)
	if b := root.Call("cloister", "ExplainRequest", `{}`); b.Status != 200 || !strings.Contains(string(b.Body), `cloister:ExplainRequest on resource`) {
		t.Errorf("what was denied last was to ask: %d %s", b.Status, b.Body)
	}
	_, b := explained(root, "no such")
	notOnRecord(t, b, "no such", doortest.Account)
	first, _ := explained(root, a.RequestID())
	again, _ := explained(root, a.RequestID())
	if first == nil || again == nil || first.Message != again.Message {
		t.Errorf("%+v, then %+v", first, again)
	}
}

func TestMetricsCountCalls(t *testing.T) {
	h := doortest.Open(t)
	root := h.As(t, h.Root)
	for range 3 {
		root.Query("sts", "GetCallerIdentity").Good(t)
	}
	root.Query("sts", "AssumeRole")
	var b strings.Builder
	if err := h.Door.WriteMetrics(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`cloister_calls_total{service="sts",operation="GetCallerIdentity",code=""} 3`,
		`cloister_calls_total{service="sts",operation="AssumeRole",code="ValidationError"} 1`,
	} {
		if !strings.Contains(b.String(), want+"\n") {
			t.Errorf("no %s in\n%s", want, &b)
		}
	}
}
