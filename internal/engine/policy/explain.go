package policy

import (
	"math/bits"
	"slices"
)

// Decision is an answer with all its reasons, kept compact: what every statement that may be about
// the action came to, and every value that a condition saw. Report spells them out. It shares
// nothing with the request's Context, and so may be kept; of the Stack it shares the lists, which must
// not be changed after.
type Decision struct {
	Result

	principal, action, resource string
	owner                       string // of the resource
	outside, endpoint           bool
	consulted                   []consulted
	policies                    []policyTrace
	statements                  []statementTrace
	conditions                  []conditionTrace
}

// consulted is one list of policies that was asked.
type consulted struct {
	kind Kind
	list []Attached
}

// policyTrace is a policy with statements that may be about the action; most have none.
type policyTrace struct {
	attached *Attached
	until    int // the end of its rows in Decision.statements
}

type statementTrace struct {
	number uint16 // of the statement, from 1: a document has no room for more
	failed element
	grant  Grant
	until  uint32 // the end of its rows in Decision.conditions: one for each of its conditions, or none
}

type conditionTrace struct {
	held    bool
	present bool
	text    string   // the value seen,
	list    []string // or the values, where they are a set
}

// decisionRoom is a Decision with room for what a usual one keeps, less than a kilobyte: one allocation.
type decisionRoom struct {
	Decision
	consulted  [4]consulted
	policies   [8]policyTrace
	statements [16]statementTrace
	conditions [6]conditionTrace
}

// Explain answers a request as Decide does, and keeps the reasons: it takes no short cut, so that
// every policy in the stack is accounted for. What needs nothing of the request's Context is left for Report.
func Explain(stack *Stack, r *Request) *Decision {
	room := new(decisionRoom)
	d := &room.Decision
	*d = Decision{
		principal: name(&r.Principal), action: r.Action, resource: r.Resource, owner: r.ResourceAccount,
		outside: r.outside(), endpoint: stack.ViaEndpoint,
		consulted: room.consulted[:0], policies: room.policies[:0], statements: room.statements[:0], conditions: room.conditions[:0],
	}
	e := evaluation{stack: stack, request: r, action: nameAction(r.Action), target: newTarget(r.Resource), trace: d}
	d.Result = e.decide()
	return d
}

// Weight is about how many bytes a kept decision takes, without the policies, which it shares.
func (d *Decision) Weight() int {
	return 1024 + 16*len(d.policies) + 8*len(d.statements) + 64*len(d.conditions)
}

// roomy makes room for much more where there is no more: who overflows a usual decision's room does so by far.
func roomy[T any](list []T) []T {
	if len(list) < cap(list) {
		return list
	}
	return slices.Grow(list, 3*len(list)+1)
}

// explain reads every marked statement of a document and keeps what it came to.
func (e *evaluation) explain(kind Kind, at *Attached, marks []uint64, best *finding) {
	before := len(e.trace.statements)
	for w, word := range marks {
		for ; word != 0; word &= word - 1 {
			s := &at.Document.statements[w*64+bits.TrailingZeros64(word)]
			if !s.plain || kind.namesPrincipals() {
				e.explainStatement(kind, at, s, best)
				continue
			}
			// Report can tell what it came to; here only what it decides is asked.
			if s.allow && best.grant == DirectGrant || !s.allow && e.deny.found() {
				continue
			}
			if grant, failed := e.matches(s, kind); failed == allMatched {
				e.found(finding{kind, at, s, grant}, best)
			}
		}
	}
	if len(e.trace.statements) > before {
		e.trace.policies = append(roomy(e.trace.policies), policyTrace{at, len(e.trace.statements)})
	}
}

func (e *evaluation) explainStatement(kind Kind, at *Attached, s *statement, best *finding) {
	grant, failed := e.fits(s, kind)
	if failed == allMatched && !e.explainConditions(s) {
		failed = conditionElement
	}
	e.trace.statements = append(roomy(e.trace.statements), statementTrace{uint16(s.number), failed, grant, uint32(len(e.trace.conditions))})
	if failed == allMatched {
		e.found(finding{kind, at, s, grant}, best)
	}
}

// found keeps what matched, if it is the first Deny or the best Allow.
func (e *evaluation) found(f finding, best *finding) {
	switch {
	case !f.statement.allow && !e.deny.found():
		e.deny = f
	case f.statement.allow && (!best.found() || f.grant > best.grant):
		*best = f
	}
}

// explainConditions tells whether all hold, and keeps what each saw.
func (e *evaluation) explainConditions(s *statement) bool {
	all := true
	for i := range s.conditions {
		c := &s.conditions[i]
		row := conditionTrace{held: c.holds(e.request.Context)}
		all = all && row.held
		if v := e.request.Context.find(&c.key); v != nil {
			row.present, row.text = true, v.text
			if v.many() {
				row.list = e.request.Context.lists[v.list-1]
			}
		}
		e.trace.conditions = append(roomy(e.trace.conditions), row)
	}
	return all
}
