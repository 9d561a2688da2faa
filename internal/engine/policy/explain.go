package policy

// Decision is an answer with all its reasons, kept compact: what every statement that may be about
// the action came to, and every value that a condition saw. Report spells them out. It shares
// nothing with the request's Context, and so may be kept.
type Decision struct {
	Result

	principal, action, resource string
	sentence                    string
	endpoint                    bool
	policies                    []policyTrace
	statements                  []statementTrace
	conditions                  []conditionTrace
}

type policyTrace struct {
	kind     Kind
	attached Attached
	until    int // the end of its rows in Decision.statements
}

type statementTrace struct {
	statement *statement
	failed    element
	grant     Grant
	until     int // the end of its rows in Decision.conditions
}

type conditionTrace struct {
	condition *condition
	held      bool
	present   bool
	seen      value
}

// Explain answers a request as Decide does, and keeps the reasons: it takes no short cut, so that
// every policy in the stack is accounted for.
func Explain(stack *Stack, r *Request) *Decision {
	d := &Decision{
		principal: name(&r.Principal), action: r.Action, resource: r.Resource, endpoint: stack.ViaEndpoint,
		policies:   make([]policyTrace, 0, stack.count()),
		statements: make([]statementTrace, 0, 2*stack.count()),
		conditions: make([]conditionTrace, 0, 8),
	}
	e := evaluation{stack: stack, request: r, action: nameAction(r.Action), target: newTarget(r.Resource), trace: d}
	d.Result = e.decide()
	d.sentence = Sentence(r, d.Result)
	return d
}

// count is the number of policies in a stack.
func (s *Stack) count() int {
	n := len(s.Identity) + len(s.Resource) + len(s.Boundary) + len(s.Session) + len(s.Endpoint)
	for _, levels := range [2][][]Attached{s.SCP, s.RCP} {
		for _, level := range levels {
			n += len(level)
		}
	}
	return n
}

// explain reads every marked statement of a document and keeps what it came to.
func (e *evaluation) explain(kind Kind, at *Attached, marks []uint64, best *finding) {
	t := e.trace
	for i := range at.Document.statements {
		if marks[i/64]&(1<<(i%64)) == 0 {
			continue // its actions are others; Report says so
		}
		s := &at.Document.statements[i]
		grant, failed := e.matches(s, kind)
		if failed == allMatched || failed == conditionElement {
			e.explainConditions(s)
		}
		t.statements = append(t.statements, statementTrace{s, failed, grant, len(t.conditions)})
		switch {
		case failed != allMatched:
		case !s.allow && !e.deny.found():
			e.deny = finding{kind, at, s, grant}
		case s.allow && (!best.found() || grant > best.grant):
			*best = finding{kind, at, s, grant}
		}
	}
	t.policies = append(t.policies, policyTrace{kind, *at, len(t.statements)})
}

func (e *evaluation) explainConditions(s *statement) {
	for i := range s.conditions {
		c := &s.conditions[i]
		row := conditionTrace{condition: c, held: c.holds(e.request.Context)}
		if v := e.request.Context.find(&c.key); v != nil {
			row.present, row.seen = true, *v
		}
		e.trace.conditions = append(e.trace.conditions, row)
	}
}
