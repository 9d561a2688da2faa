package policy

import "strings"

// Cause is the end of AWS's sentence for a denial: which kind of policy denies, or which does not
// allow. It is empty for a request that is allowed, and for what no policy could allow.
func (r Result) Cause(action string) string {
	switch {
	case r.Effect == Allowed || r.Kind == NoPolicy:
		return ""
	case r.Effect == ImplicitDeny:
		return "because no " + r.Kind.String() + " allows the " + action + " action"
	}
	return "with an explicit deny in " + article(r.Kind) + " " + r.Kind.String() + r.suffix()
}

func article(k Kind) string {
	switch k {
	case Identity:
		return "an"
	case Trust:
		return "the"
	}
	return "a"
}

// suffix names a policy that is a resource of its own. AWS names identity policies, boundaries and
// an organisation's policies; other documents have only the ARN of what carries them.
func (r Result) suffix() string {
	switch r.Kind {
	case Identity, Boundary, SCP, RCP:
		if r.PolicyARN != "" {
			return ": " + r.PolicyARN
		}
	}
	return ""
}

// Sentence is the whole of AWS's message for a denial. A caller of another account and another organisation is
// not told the cause. S3 puts resources in quotation marks; EC2 names none where an action is about none; who comes with the
// word of an identity provider is not named.
func Sentence(r *Request, result Result) string {
	return sentence(name(&r.Principal), r.Action, r.Resource, result, r.outside())
}

func sentence(who, action, resource string, result Result, outside bool) string {
	if strings.HasPrefix(action, "sts:AssumeRoleWith") {
		return "Not authorized to perform " + action
	}
	text := "User: " + who + " is not authorized to perform: " + action
	switch {
	case strings.HasPrefix(action, "s3:") && resource != "":
		resource = `"` + resource + `"`
	case strings.HasPrefix(action, "ec2:") && resource == "*":
		resource = ""
	}
	if resource != "" {
		text += " on resource: " + resource
	}
	if cause := result.Cause(action); cause != "" && !outside {
		text += " " + cause
	}
	return text
}

// name is what a sentence calls the caller.
func name(p *Principal) string {
	switch {
	case p.Kind == Anonymous:
		return "anonymous"
	case p.ARN == "":
		return p.Name
	}
	return p.ARN
}
