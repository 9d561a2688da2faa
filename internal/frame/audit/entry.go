package audit

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"cloister/internal/engine/policy"
	"cloister/internal/value/caller"
)

// Entry is one call as it went.
type Entry struct {
	RequestID string    `json:"request_id"`
	Time      time.Time `json:"time"`
	Service   string    `json:"service"`
	Operation string    `json:"operation"`
	// Source is the service as policies name it, Region where it was called.
	Source    string `json:"source,omitempty"`
	Region    string `json:"region,omitempty"`
	UserAgent string `json:"user_agent,omitempty"`
	caller.Caller
	// Recipient is the account that a call is about whose caller has none: a provider's token, or nobody.
	Recipient string `json:"recipient,omitempty"`
	// Code and Message are what the caller was told; Code is empty when all went well.
	Code      string          `json:"code,omitempty"`
	Message   string          `json:"message,omitempty"`
	Status    int             `json:"status"`
	Decisions []policy.Report `json:"decisions,omitempty"`
	Duration  time.Duration   `json:"duration_ns"`
	// Omitted is how many more questions were asked, all of them answered with yes. Cut says that the
	// reasons were too long to keep all of them.
	Omitted int  `json:"omitted,omitempty"`
	Cut     bool `json:"cut,omitempty"`

	decided []*policy.Decision
	denied  bool
}

const (
	// mostDecisions is how many questions of a call are remembered: the first ones, and the last, which is the one
	// that was denied if any was.
	mostDecisions = 32
	// mostBytes bounds a record in the store.
	mostBytes = 64 << 10
)

// account is whose record the call is in.
func (e *Entry) account() string { return cmp.Or(e.Identity.Account, e.Recipient) }

// Decide records what a check came to.
func (e *Entry) Decide(d *policy.Decision) {
	if len(e.decided) == mostDecisions {
		e.decided[mostDecisions-1] = d
		e.Omitted++
		return
	}
	e.decided = append(e.decided, d)
}

// Denied marks the entry as one to keep.
func (e *Entry) Denied() { e.denied = true }

// weight is about how much memory the entry holds.
func (e *Entry) weight() int {
	n := 1024 + len(e.Message) + len(e.UserAgent)
	for _, d := range e.decided {
		n += d.Weight()
	}
	return n
}

// explained spells the decisions out; only who asks pays for that.
func (e *Entry) explained() *Entry {
	if len(e.decided) == 0 {
		return e
	}
	c := *e
	c.Decisions = nil
	for _, d := range e.decided {
		c.Decisions = append(c.Decisions, d.Report())
	}
	return &c
}

// readBy is the entry without what other accounts keep to themselves: their policies.
func (e *Entry) readBy(account string) *Entry {
	c := *e
	c.Decisions = nil
	for _, d := range e.Decisions {
		c.Decisions = append(c.Decisions, d.For(account))
	}
	return &c
}

// bounded is the entry as it is stored, and its size. What makes it too long is left out, the least telling first:
// statements about other actions, statements that did not match, all but the last decision, all statements.
func (e *Entry) bounded() (*Entry, int, error) {
	c := *e.explained()
	c.Decisions = slices.Clone(c.Decisions)
	for _, less := range []func(){
		func() { c.strip(func(s *policy.StatementReport) bool { return s.Failed == "Action" }) },
		func() { c.strip(func(s *policy.StatementReport) bool { return !s.Matched }) },
		func() {
			last := max(0, len(c.Decisions)-1)
			c.Omitted += last
			c.Decisions = c.Decisions[last:]
		},
		func() { c.strip(func(*policy.StatementReport) bool { return true }) },
		func() {
			for i := range c.Decisions {
				c.Decisions[i].Policies = nil
			}
		},
		nil,
	} {
		text, err := json.Marshal(&c)
		if err != nil || len(text) <= mostBytes || less == nil {
			return &c, len(text), err
		}
		c.Cut = true
		less()
	}
	return nil, 0, nil // the last of the list returned
}

// strip leaves statements out, of copies.
func (e *Entry) strip(out func(*policy.StatementReport) bool) {
	for i := range e.Decisions {
		policies := slices.Clone(e.Decisions[i].Policies)
		for j := range policies {
			var left []policy.StatementReport
			for k := range policies[j].Statements {
				if s := &policies[j].Statements[k]; !out(s) {
					left = append(left, *s)
				}
			}
			policies[j].Statements = left
		}
		e.Decisions[i].Policies = policies
	}
}
