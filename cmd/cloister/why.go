package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"cloister/internal/engine/policy"
	"cloister/internal/frame/audit"
	"cloister/internal/value/caller"
)

// whyCommand explains one call, packets (why_connection.go), or a job (why_job.go).
type whyCommand struct {
	RequestID string `arg:"" optional:"" name:"request-id" help:"The x-amzn-RequestId of the answer (aws --debug, or the error's text in most SDKs); without it, the account's call that was denied last."`
	connectionFlags
	As    string `help:"Profile of the credentials file." default:"default"`
	JSON  bool   `help:"All of it as JSON." xor:"form"`
	Trail bool   `help:"The record in CloudTrail's form, as JSON." xor:"form"`
}

// Run asks the server, as any customer would.
func (w *whyCommand) Run(c *commands) error {
	api, err := place{c.Data}.client(w.As)
	if err != nil {
		return err
	}
	if w.asked() {
		return w.connections(api)
	}
	var out struct{ Explanation string }
	in := map[string]string{}
	if w.RequestID != "" {
		in["RequestId"] = w.RequestID
	}
	if err := api.json(context.Background(), "ExplainRequest", in, &out); err != nil {
		return err
	}
	if w.JSON {
		fmt.Println(out.Explanation)
		return nil
	}
	var e audit.Entry
	if err := json.Unmarshal([]byte(out.Explanation), &e); err != nil {
		return err
	}
	if w.Trail {
		text, err := json.MarshalIndent(e.Trail(), "", "  ")
		if err == nil {
			fmt.Println(string(text))
		}
		return err
	}
	fmt.Print(story(&e))
	return nil
}

// story tells a call from its path to what decided.
func story(e *audit.Entry) string {
	var b strings.Builder
	say(&b, "Request   %s at %s", e.RequestID, e.Time.UTC().Format("2006-01-02 15:04:05.000 MST"))
	say(&b, "Operation %s %s", e.Service, e.Operation)
	say(&b, "Caller    %s (%s)", cmp.Or(e.Identity.ARN, e.Identity.ID+" by "+e.Identity.Provider), e.Identity.Kind)
	if e.Identity.SourceIdentity != "" {
		say(&b, "Source    %s, by source identity", e.Identity.SourceIdentity)
	}
	say(&b, "Path      %s", path(&e.Origin))
	if e.Code == "" {
		say(&b, "Answer    %d", e.Status)
	} else {
		told, _, _ := strings.Cut(e.Message, ". Encoded authorization failure message: ") // what follows is told below
		say(&b, "Answer    %d %s: %s", e.Status, e.Code, told)
	}
	for i := range e.Decisions {
		d := &e.Decisions[i]
		b.WriteString("\n")
		say(&b, "May %s do %s on %s?", d.Principal, d.Action, d.Resource)
		for _, l := range d.Lines() {
			say(&b, "  %s", l)
		}
		if d.Effect != policy.Allowed {
			say(&b, "  => denied: %s", cmp.Or(d.Cause, "the cause is not told outside the owner's account and organisation"))
		}
	}
	if e.Omitted > 0 {
		b.WriteString("\n")
		say(&b, "%d more questions were answered with yes and are not on record.", e.Omitted)
	}
	if e.Cut {
		b.WriteString("\nThe reasons were too long to be kept whole.\n")
	}
	return b.String()
}

// path says by which wire the call came.
func path(o *caller.Origin) string {
	switch o.Place {
	case caller.Endpoint:
		via := "gateway endpoint " + o.EndpointID
		if o.EndpointInterface != "" {
			via = "interface endpoint " + o.EndpointID + " (" + o.EndpointInterface + ", " + o.Target.Addr().String() + ")"
		}
		from := o.Source.String()
		if o.Interface != "" {
			from += " (" + o.Interface + " in " + o.Subnet + ")"
		}
		return fmt.Sprintf("from %s in %s through %s to %s", from, o.VPC, via, o.Service)
	case caller.Inside:
		return "from inside Cloister, for a service: no wire"
	}
	return fmt.Sprintf("from the internet, %s, to the public door %s: no VPC, no endpoint", o.Source, o.Target)
}
