package door

import (
	"context"
	"strings"

	"cloister/internal/engine/policy"
	"cloister/internal/engine/sigv4"
	"cloister/internal/frame/api"
	"cloister/internal/frame/directory"
	"cloister/internal/value/caller"
	"cloister/internal/value/fault"
)

var (
	deniedJSON  = fault.Kind{Code: "AccessDeniedException", Status: 400}
	deniedREST  = fault.Kind{Code: "AccessDeniedException", Status: 403}
	deniedQuery = fault.Kind{Code: "AccessDenied", Status: 403}
	deniedEC2   = fault.Kind{Code: "UnauthorizedOperation", Status: 403}
)

// authorise asks every check of the operation; the first that is not allowed is told. An operation
// that asks nothing is denied: a forgotten check must not open the door.
func (d *Door) authorise(_ context.Context, x *exchange) error {
	if err := x.barred(); err != nil {
		return err
	}
	checks := x.Call.Operation.Checks(&x.Call, x.Input)
	if len(checks) == 0 {
		return x.denied(x.name() + " asks no question, so nobody may call it")
	}
	for i := range checks {
		if err := d.ask(x, &checks[i]); err != nil {
			return err
		}
	}
	return nil
}

func (d *Door) ask(x *exchange, k *api.Check) error {
	id := &x.Caller.Identity
	if k.Demand == api.Nothing {
		x.entry.Recipient = d.Directory.Owner(k.Resource)
		return nil
	}
	if k.Demand == api.Known {
		if id.Kind == caller.Anonymous || id.Kind == "" {
			return sigv4.Refuse(sigv4.NoCredentials).Fault(x.family())
		}
		return nil
	}
	resource := k.Resource
	switch {
	case k.Beside != "":
		resource = d.Directory.Beside(id.Account, k.Beside, k.Resource)
	case !k.Exact:
		resource = d.Directory.Resolve(id.Account, k.Resource)
	}
	stack, facts := d.Directory.Stack(&x.Caller, &directory.Question{Action: k.Action, Resource: resource, Account: k.Account})
	if id.Account == "" {
		x.entry.Recipient = facts.Account
	}
	b := subjects.Get().(*subject)
	defer subjects.Put(b) // a Decision shares nothing with it
	b.begin(x, k, resource, facts)
	r := policy.Request{Principal: policy.PrincipalOf(*id), Action: k.Action, Resource: resource, ResourceAccount: facts.Account,
		Related: facts.Caller != nil && facts.Caller == facts.Owner, Context: &b.context}
	decision := policy.Explain(&stack, &r)
	x.entry.Decide(decision)
	if decision.Effect == policy.Allowed {
		return nil
	}
	sentence := policy.Sentence(&r, decision.Result)
	if x.family() == "ec2" && resource != "*" {
		if sealed := b.encoded(d.Directory, k, decision, strings.Contains(sentence, explicitly)); sealed != "" {
			sentence += ". Encoded authorization failure message: " + sealed
		}
	}
	return x.denied(sentence)
}

// explicitly is in the sentences that tell of a statement that denies.
const explicitly = " with an explicit deny "

// barred refuses what temporary credentials of users, federated users and roots never do, whatever policies
// say: to call IAM, or STS but for taking on a role (not as a federated user) and asking who one is.
func (x *exchange) barred() error {
	id := &x.Caller.Identity
	if !id.Session || id.Kind == caller.AssumedRole {
		return nil
	}
	switch operation := x.Call.Operation.Model.Name; x.service.Model.ID {
	case "iam":
		return sigv4.Refuse(sigv4.UnknownKey).Fault(x.family())
	case "sts":
		if operation != "GetCallerIdentity" && (operation != "AssumeRole" || id.Kind == caller.FederatedUser) {
			return x.denied("Cannot call " + operation + " with session credentials")
		}
	}
	return nil
}

// denied dresses the sentence as the protocol does.
func (x *exchange) denied(sentence string) error {
	x.entry.Denied()
	switch x.family() {
	case "json":
		return deniedJSON.New("%s", sentence)
	case "rest-json":
		return deniedREST.New("%s", sentence)
	case "ec2":
		return deniedEC2.New("You are not authorized to perform this operation. %s", sentence)
	case "rest-xml":
		if !strings.Contains(sentence, " because ") && !strings.Contains(sentence, explicitly) {
			sentence = "Access Denied" // S3 tells nothing to whom it tells no cause: other accounts, and nobody
		}
	}
	return deniedQuery.New("%s", sentence)
}
