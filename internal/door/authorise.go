package door

import (
	"context"
	"strings"
	"sync"

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
		return nil
	}
	if k.Demand == api.Known {
		if id.Kind == caller.Anonymous || id.Kind == "" {
			return sigv4.Refuse(sigv4.NoCredentials).Fault(x.family())
		}
		return nil
	}
	resource := d.Directory.Resolve(k.Resource)
	stack, facts := d.Directory.Stack(&x.Caller, &directory.Question{Action: k.Action, Resource: resource, Account: k.Account})
	c := contexts.Get().(*policy.Context)
	defer contexts.Put(c) // a Decision shares nothing with it
	d.facts(c, x, k, &facts)
	r := policy.Request{Principal: policy.PrincipalOf(*id), Action: k.Action, Resource: resource, ResourceAccount: facts.Account, Context: c}
	decision := policy.Explain(&stack, &r)
	x.entry.Decide(decision)
	if decision.Effect == policy.Allowed {
		return nil
	}
	return x.denied(policy.Sentence(&r, decision.Result))
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
		if !strings.Contains(sentence, " because ") && !strings.Contains(sentence, " with an explicit deny ") {
			sentence = "Access Denied" // S3 tells nothing to whom it tells no cause: other accounts, and nobody
		}
	}
	return deniedQuery.New("%s", sentence)
}

var contexts = sync.Pool{New: func() any { return new(policy.Context) }}

// facts are the condition keys that the request carries: what the path says, who the caller is, and
// what the check brings.
func (d *Door) facts(c *policy.Context, x *exchange, k *api.Check, f *directory.Facts) {
	*c = policy.Context{Time: x.Time}
	o, id := &x.Caller.Origin, &x.Caller.Identity
	switch o.Place {
	case caller.Endpoint:
		c.Set(policy.SourceVpc, o.VPC)
		c.Set(policy.SourceVpce, o.EndpointID)
		c.Set(policy.VpcSourceIP, o.Source.String())
	case caller.Internet:
		c.Set(policy.SourceIP, o.Source.String())
	}
	c.SetBool(policy.SecureTransport, x.Secure)
	c.SetBool(policy.ViaAWSService, o.Place == caller.Inside && id.Kind != caller.Service)
	c.Set(policy.RequestedRegion, x.Region)
	if f.Account != "" {
		c.Set(policy.ResourceAccount, f.Account)
	}
	if x.UserAgent != "" {
		c.Set(policy.UserAgent, x.UserAgent)
	}
	who(c, id)
	for i := range k.Keys {
		if key := &k.Keys[i]; key.Multi {
			c.SetNamedMany(key.Name, key.Values)
		} else if len(key.Values) > 0 {
			c.SetNamed(key.Name, key.Values[0])
		}
	}
}

// who sets the keys of the principal.
func who(c *policy.Context, id *caller.Identity) {
	if id.Kind != caller.Service { // a service has no ARN, and a name would not be one
		c.Set(policy.PrincipalArn, id.PrincipalARN)
	}
	c.Set(policy.UserID, id.ID)
	c.Set(policy.PrincipalType, string(id.Kind))
	c.SetBool(policy.PrincipalIsAWSService, id.Kind == caller.Service)
	switch {
	case id.Kind == caller.Anonymous:
		c.Set(policy.PrincipalAccount, "anonymous")
		return
	case id.Kind == caller.Service:
		c.Set(policy.PrincipalServiceName, id.ServiceName)
		c.Set(policy.SourceAccount, id.Account) // whose resource the service acts for: the guard of trust policies
		return
	}
	c.Set(policy.PrincipalAccount, id.Account)
	if id.Name != "" {
		c.Set(policy.Username, id.Name)
	}
}
