package policy

import "math/bits"

// Decision is an answer with all its reasons, kept compact: what every statement that may be about
// the action came to, and every value that a condition saw. Report spells them out. It shares
// nothing with the request's Context, and so may be kept.
type Decision struct {
	Result

	principal, action, resource string
	crossAccount, endpoint      bool
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
	text      string   // the value seen,
	list      []string // or the values, where they are a set
}

// Explain answers a request as Decide does, and keeps the reasons: it takes no short cut, so that
// every policy in the stack is accounted for.
func Explain(stack *Stack, r *Request) *Decision {
	d := &Decision{
		principal: name(&r.Principal), action: r.Action, resource: r.Resource,
		crossAccount: r.crossAccount(), endpoint: stack.ViaEndpoint,
		policies:   make([]policyTrace, 0, stack.count()),
		statements: make([]statementTrace, 0, 8),
		conditions: make([]conditionTrace, 0, 4),
	}
	e := evaluation{stack: stack, request: r, action: nameAction(r.Action), target: newTarget(r.Resource), trace: d}
	d.Result = e.decide()
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
	for w, word := range marks {
		for ; word != 0; word &= word - 1 {
			e.explainStatement(kind, at, &at.Document.statements[w*64+bits.TrailingZeros64(word)], best)
		}
	}
	e.trace.policies = append(e.trace.policies, policyTrace{kind, *at, len(e.trace.statements)})
}

func (e *evaluation) explainStatement(kind Kind, at *Attached, s *statement, best *finding) {
	grant, failed := e.matches(s, kind)
	if failed == allMatched || failed == conditionElement {
		e.explainConditions(s)
	}
	e.trace.statements = append(e.trace.statements, statementTrace{s, failed, grant, len(e.trace.conditions)})
	switch {
	case failed != allMatched:
	case !s.allow && !e.deny.found():
		e.deny = finding{kind, at, s, grant}
	case s.allow && (!best.found() || grant > best.grant):
		*best = finding{kind, at, s, grant}
	}
}

func (e *evaluation) explainConditions(s *statement) {
	for i := range s.conditions {
		c := &s.conditions[i]
		row := conditionTrace{condition: c, held: c.holds(e.request.Context)}
		if v := e.request.Context.find(&c.key); v != nil {
			row.present, row.text = true, v.text
			if v.many() {
				row.list = e.request.Context.lists[v.list-1]
			}
		}
		e.trace.conditions = append(e.trace.conditions, row)
	}
}
