package iam

import (
	"slices"
	"strconv"

	"cloister/internal/engine/policy"
	shape "cloister/internal/value/shape/iam"
)

// The names by which the simulator calls its inputs and the kinds of policies.
const (
	inputList    = "PolicyInputList."
	boundaryList = "PermissionsBoundaryPolicyInputList."
	identitySide = "IAM Policy"
	resourceSide = "Resource Policy"
)

// simulation is questions to be answered by policies that are given and not by those in force.
type simulation struct {
	caller                       policy.Principal
	identity, boundary, resource []policy.Attached // each named as results name it
	hasBoundary                  bool
	scp                          [][]policy.Attached
	organized                    bool   // the caller's account is in an organisation
	owner                        string // the account of resources whose ARN names none
	context                      *policy.Context
	actions, resources           []string
}

// page answers the questions from the marker on, each action for each resource.
func (m *simulation) page(marker *string, most *int32) (*shape.SimulatePolicyResponse, error) {
	total, from, n := len(m.actions)*len(m.resources), 0, 100
	if marker != nil {
		at, err := strconv.Atoi(*marker)
		if err != nil || at < 0 || at > total {
			return nil, validation.New("Invalid Marker.")
		}
		from = at
	}
	if most != nil {
		n = int(*most)
	}
	out := &shape.SimulatePolicyResponse{IsTruncated: new(total-from > n)}
	until := min(total, from+n)
	for i := from; i < until; i++ {
		out.EvaluationResults = append(out.EvaluationResults, m.answer(m.actions[i/len(m.resources)], m.resources[i%len(m.resources)]))
	}
	if *out.IsTruncated {
		out.Marker = new(strconv.Itoa(until))
	}
	return out, nil
}

// answer is one result.
func (m *simulation) answer(action, resource string) shape.EvaluationResult {
	request := policy.Request{Principal: m.caller, Action: action, Resource: resource, ResourceAccount: m.ownerOf(resource), Context: m.context}
	stack := policy.Stack{Identity: m.identity, Boundary: m.boundary, HasBoundary: m.hasBoundary, Resource: m.resource, SCP: m.scp}
	report := policy.Explain(&stack, &request).Report()
	out := shape.EvaluationResult{EvalActionName: &action, EvalResourceName: &resource, EvalDecision: new(decision(report.Effect)),
		MatchedStatements: m.matched(&report), MissingContextValues: []string{}}
	if m.hasBoundary {
		allowed := m.alone(request, policy.Stack{Identity: m.boundary})
		out.PermissionsBoundaryDecisionDetail = &shape.PermissionsBoundaryDecisionDetail{AllowedByPermissionsBoundary: &allowed}
	}
	if m.organized {
		allowed := m.alone(request, policy.Stack{Identity: everything, SCP: m.scp})
		out.OrganizationsDecisionDetail = &shape.OrganizationsDecisionDetail{AllowedByOrganizations: &allowed}
	}
	missing := m.missing(action)
	if resource == "*" {
		out.MissingContextValues = missing
		return out
	}
	out.EvalDecisionDetails = m.sides(request)
	out.ResourceSpecificResults = []shape.ResourceSpecificResult{{EvalResourceName: &resource, EvalResourceDecision: out.EvalDecision,
		MatchedStatements: out.MatchedStatements, MissingContextValues: missing, EvalDecisionDetails: out.EvalDecisionDetails,
		PermissionsBoundaryDecisionDetail: out.PermissionsBoundaryDecisionDetail}}
	return out
}

// everything lets the caller's side allow, so that what else is asked decides.
var everything = []policy.Attached{{Document: mustParse(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`)}}

func mustParse(text string) *policy.Document {
	d, err := policy.Parse(text)
	if err != nil {
		panic(err) // a text of ours
	}
	return d
}

// alone tells what some policies say in the caller's own account, whatever the others say.
func (m *simulation) alone(r policy.Request, s policy.Stack) bool {
	r.ResourceAccount = ""
	return policy.Decide(&s, &r).Effect == policy.Allowed
}

// sides are what each account's policies say, where there are two; empty for one.
func (m *simulation) sides(r policy.Request) map[string]string {
	out := map[string]string{}
	if r.ResourceAccount == m.caller.Account {
		return out
	}
	theirs := policy.Decide(&policy.Stack{Identity: everything, Resource: m.resource}, &r).Effect
	r.ResourceAccount = ""
	ours := policy.Decide(&policy.Stack{Identity: m.identity, Boundary: m.boundary, HasBoundary: m.hasBoundary, SCP: m.scp}, &r).Effect
	out[identitySide], out[resourceSide] = decision(ours), decision(theirs)
	return out
}

// missing lists the keys that the policies want for an action and that were not given.
func (m *simulation) missing(action string) []string {
	out := []string{}
	for _, list := range [][]policy.Attached{m.identity, m.boundary, m.resource} {
		for i := range list {
			for _, k := range list[i].Document.ContextKeysFor(action) {
				if _, present := m.context.Get(k); !present && !slices.Contains(out, k) {
					out = append(out, k)
				}
			}
		}
	}
	return out
}

func decision(e policy.Effect) string {
	switch e {
	case policy.Allowed:
		return "allowed"
	case policy.ExplicitDeny:
		return "explicitDeny"
	}
	return "implicitDeny"
}

// matched lists the statements that decided: those that deny, or all that allow.
func (m *simulation) matched(r *policy.Report) []shape.Statement {
	out := []shape.Statement{}
	if r.Effect == policy.ImplicitDeny {
		return out
	}
	want, seen := "Allow", map[policy.Kind]int{}
	if r.Effect == policy.ExplicitDeny {
		want = "Deny"
	}
	for i := range r.Policies {
		p := &r.Policies[i]
		at := seen[p.Kind]
		seen[p.Kind]++
		list, side := m.identity, identitySide
		switch p.Kind {
		case policy.Identity:
		case policy.Boundary:
			list = m.boundary
		case policy.Resource:
			list, side = m.resource, resourceSide
		default:
			continue // an organisation's, of which the caller is told no more than its effect
		}
		if p.Kind == policy.Boundary && want == "Allow" {
			continue
		}
		for j := range p.Statements {
			if s := &p.Statements[j]; s.Matched && s.Effect == want {
				start, end := extent(list[at].Document.String(), p.Statements, j)
				out = append(out, shape.Statement{SourcePolicyId: new(p.Name), SourcePolicyType: new(side), StartPosition: start, EndPosition: end})
			}
		}
	}
	return out
}

// extent is where a statement stands as the simulator counts: from behind what comes before it, the "["
// of the list, the statement before or its own "{", to behind its "}".
func extent(text string, all []policy.StatementReport, j int) (start, end *shape.Position) {
	from := all[j].Start
	if j > 0 {
		from = all[j-1].End
	} else if p, ok := opening(text, from); ok {
		from = p
	}
	return behind(from), behind(all[j].End)
}

func behind(p policy.Position) *shape.Position {
	return &shape.Position{Line: new(int32(p.Line)), Column: new(int32(p.Column + 1))}
}

// opening finds the "[" before the first statement of a list; not ok when the statement stands by itself.
func opening(text string, first policy.Position) (policy.Position, bool) {
	var before policy.Position // of the last character that is no white space
	var last rune
	line, column := 1, 1
	for _, r := range text {
		if line == first.Line && column == first.Column {
			break
		}
		switch r {
		case '\n':
			line, column = line+1, 1
			continue
		case ' ', '\t', '\r':
		default:
			before, last = policy.Position{Line: line, Column: column}, r
		}
		column++
	}
	return before, last == '['
}
