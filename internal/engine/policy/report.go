package policy

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Report is a decision in words, for people and for JSON.
type Report struct {
	Result
	Principal string         `json:"principal"`
	Action    string         `json:"action"`
	Resource  string         `json:"resource"`
	Owner     string         `json:"owner,omitempty"` // the resource's account
	Cause     string         `json:"cause,omitempty"`
	Message   string         `json:"message,omitempty"` // AWS's sentence; empty when allowed
	Endpoint  bool           `json:"viaEndpoint"`
	Policies  []PolicyReport `json:"policies"`
}

// PolicyReport is one policy that was consulted.
type PolicyReport struct {
	Kind    Kind   `json:"kind"`
	Name    string `json:"name,omitempty"`
	ARN     string `json:"arn,omitempty"`
	Version string `json:"version,omitempty"`
	Level   string `json:"level,omitempty"` // of an organisation: r-…, ou-… or an account
	Owner   string `json:"owner,omitempty"` // the account whose document it is
	Effect  Effect `json:"effect"`          // what this policy alone says
	// Hidden says that the document is another account's, and nothing more is told of it.
	Hidden     bool              `json:"hidden,omitempty"`
	Statements []StatementReport `json:"statements"`
}

// StatementReport is what one statement came to.
type StatementReport struct {
	Number  int      `json:"number"` // from 1
	Sid     string   `json:"sid,omitempty"`
	Effect  string   `json:"effect"` // Allow or Deny
	Start   Position `json:"start"`
	End     Position `json:"end"`
	Matched bool     `json:"matched"`
	// Failed is the element that does not fit the request: Principal, Action, Resource, Condition.
	Failed string `json:"failed,omitempty"`
	// Grant is how an Allow that names principals means the caller: direct, role, everyone, account.
	Grant      string            `json:"grant,omitempty"`
	Conditions []ConditionReport `json:"conditions,omitempty"`
}

// ConditionReport is what one key of a Condition came to.
type ConditionReport struct {
	Operator string   `json:"operator"`
	Key      string   `json:"key"`
	Wanted   []string `json:"wanted"`
	Seen     []string `json:"seen"` // null when the request has no such key
	Held     bool     `json:"held"`
	// Hidden says that what was seen is another account's affair.
	Hidden bool `json:"hidden,omitempty"`
}

// Report spells the decision out, with a row for every statement of every policy.
func (d *Decision) Report() Report {
	r := Report{
		Result: d.Result, Principal: d.principal, Action: d.action, Resource: d.resource, Owner: d.owner, Endpoint: d.endpoint,
		Cause: d.Result.Cause(d.action), Policies: make([]PolicyReport, 0, len(d.consulted)),
	}
	if d.Effect != Allowed {
		r.Message = sentence(d.principal, d.action, d.resource, d.Result, d.outside)
	}
	late := evaluation{stack: new(Stack), request: &Request{Action: d.action, Resource: d.resource}, action: nameAction(d.action), target: newTarget(d.resource)}
	traces, statement, condition := d.policies, 0, 0
	for _, c := range d.consulted {
		for i := range c.list {
			var rows []statementTrace
			if len(traces) > 0 && traces[0].attached == &c.list[i] {
				rows = d.statements[statement:traces[0].until]
				statement, traces = traces[0].until, traces[1:]
			}
			r.Policies = append(r.Policies, d.policy(&late, c.kind, &c.list[i], rows, &condition))
		}
	}
	return r
}

// For is the report as an account may read it: of another account's documents it has the kind and what
// they came to, as a denial's sentence has, and neither names nor statements. Where the sentence has no cause
// the report has none either, nor does it tell whether the resource's owner has any policies; and what is known
// of a resource is its owner's.
func (r Report) For(account string) Report {
	foreign := r.Owner != account
	outside := foreign && r.Message != "" && !strings.HasSuffix(r.Message, r.Cause)
	hidden, policies := false, make([]PolicyReport, 0, len(r.Policies))
	for _, p := range r.Policies {
		if r.Owner != "" && foreign {
			p.Statements = hideOwners(p.Statements)
		}
		theirs := p.Owner != "" && p.Owner != account
		switch {
		case outside && p.Kind.ofOwner():
			continue
		case r.Owner != "" && foreign && p.Kind == RCP && p.Owner != account && p.Effect != ExplicitDeny:
			continue // how many there are, and where, would tell how the owner's organisation is made
		case theirs:
			p = PolicyReport{Kind: p.Kind, Effect: p.Effect, Hidden: true}
			hidden = hidden || p.Kind == r.Kind
		}
		policies = append(policies, p)
	}
	r.Policies = policies
	if foreign {
		r.Owner = ""
	}
	switch {
	case outside && r.Kind.ofOwner():
		r.Result, r.Cause = Result{Effect: Untold}, ""
	case hidden:
		r.Result = Result{Effect: r.Effect, Kind: r.Kind}
	}
	return r
}

// hideOwners copies statements without the values that only the resource's owner may know.
func hideOwners(statements []StatementReport) []StatementReport {
	out := slices.Clone(statements)
	for i := range out {
		out[i].Conditions = slices.Clone(out[i].Conditions)
		for j := range out[i].Conditions {
			if c := &out[i].Conditions[j]; OfOwner(c.Key) {
				c.Seen, c.Hidden = nil, true
			}
		}
	}
	return out
}

// OfOwner tells condition keys whose values are the resource owner's affair: its tags, its account, its organisation.
func OfOwner(key string) bool {
	name := fold(key)
	return strings.Contains(name, ":resourcetag/") || name == "aws:resourceaccount" || strings.HasPrefix(name, "aws:resourceorg")
}

// MarshalJSON writes the Report.
func (d *Decision) MarshalJSON() ([]byte, error) { return json.Marshal(d.Report()) }

func (d *Decision) policy(late *evaluation, kind Kind, at *Attached, rows []statementTrace, condition *int) PolicyReport {
	r := PolicyReport{Kind: kind, Name: at.Name, ARN: at.ARN, Version: at.Version, Level: at.Level, Owner: at.Owner}
	marks := make([]uint64, len(at.Document.allows))
	at.Document.index.mark(&late.action, marks)
	for i := range at.Document.statements {
		s := &at.Document.statements[i]
		row := StatementReport{Number: s.number, Sid: s.sid, Effect: "Deny", Start: s.start, End: s.limit}
		if s.allow {
			row.Effect = "Allow"
		}
		if marks[i/64]&(1<<(i%64)) == 0 {
			row.Failed = elementNames[actionElement]
			r.Statements = append(r.Statements, row)
			continue
		}
		t := &statementTrace{until: uint32(*condition)}
		if len(rows) > 0 && int(rows[0].number) == s.number {
			t, rows = &rows[0], rows[1:]
		} else {
			_, t.failed = late.matches(s, kind)
		}
		row.Matched, row.Failed = t.failed == allMatched, elementNames[t.failed]
		if s.allow && kind.namesPrincipals() && t.grant != NoGrant {
			row.Grant = t.grant.String()
		}
		row.Conditions = conditionReports(s, d.conditions[*condition:t.until])
		*condition = int(t.until)
		if row.Matched && r.Effect != ExplicitDeny {
			r.Effect = ExplicitDeny
			if s.allow {
				r.Effect = Allowed
			}
		}
		r.Statements = append(r.Statements, row)
	}
	return r
}

func conditionReports(s *statement, rows []conditionTrace) []ConditionReport {
	var list []ConditionReport
	for i := range rows {
		c := &s.conditions[i]
		r := ConditionReport{Operator: c.written, Key: c.key.text, Held: rows[i].held, Wanted: []string{}}
		for j := range c.operands {
			r.Wanted = append(r.Wanted, c.operands[j].written)
		}
		switch {
		case rows[i].list != nil:
			r.Seen = rows[i].list
		case rows[i].present:
			r.Seen = []string{rows[i].text}
		}
		list = append(list, r)
	}
	return list
}

// Lines tells the decision in a few lines for a terminal: the answer, then the statements that were
// about the action, with the conditions that did not hold.
func (r *Report) Lines() []string {
	lines := []string{strings.TrimSpace(fmt.Sprintf("%s %s", r.Effect, r.Cause))}
	for i := range r.Policies {
		p := &r.Policies[i]
		if p.Hidden {
			lines = append(lines, fmt.Sprintf("%s of another account: %s", p.Kind, p.Effect))
			continue
		}
		lines = append(lines, fmt.Sprintf("%s %s: %s", p.Kind, p.label(), p.Effect))
		for j := range p.Statements {
			lines = append(lines, p.Statements[j].lines()...)
		}
	}
	return lines
}

// label names a policy: by its name and ARN, the version in force, and where in the organisation it hangs.
func (p *PolicyReport) label() string {
	text := p.Name
	switch {
	case p.Name != "" && p.ARN != "":
		text = p.Name + " (" + p.ARN + ")"
	case p.ARN != "":
		text = p.ARN
	}
	if p.Version != "" {
		text += " " + p.Version
	}
	if p.Level != "" {
		text += " at " + p.Level
	}
	return text
}

func (s *StatementReport) lines() []string {
	if s.Failed == elementNames[actionElement] {
		return nil
	}
	name := fmt.Sprintf("  statement %d", s.Number)
	if s.Sid != "" {
		name += " " + s.Sid
	}
	if s.Matched {
		name += ": " + s.Effect
	} else {
		name += ": not matched, " + s.Failed
	}
	lines := []string{name}
	for _, c := range s.Conditions {
		verdict := "holds"
		if !c.Held {
			verdict = "does not hold"
		}
		seen := "absent"
		switch {
		case c.Hidden:
			seen = "not told"
		case c.Seen != nil:
			seen = strings.Join(c.Seen, ", ")
		}
		lines = append(lines, fmt.Sprintf("    %s %s %s %s: %s", c.Key, c.Operator, strings.Join(c.Wanted, ", "), verdict, seen))
	}
	return lines
}
