package policy

import (
	"slices"
	"strings"
)

// Check tells whether the document may be saved as a policy of this kind. The error is a *Malformed
// whose text is the sentence AWS sends with MalformedPolicyDocument and its like. Whether the
// principals that it names exist is for the caller, who may ask Principals.
func (d *Document) Check(kind Kind) error {
	if m := d.check(kind); m != nil {
		m.Position, m.Element = d.locate(m)
		return m
	}
	return nil
}

func (d *Document) check(kind Kind) *Malformed {
	switch kind {
	case Trust:
		return d.checkTrust()
	case Resource, Endpoint:
		return d.checkResourceBased()
	case RCP:
		return d.checkRCP()
	case SCP:
		if m := d.checkIdentity(); m != nil {
			return m
		}
		return d.each(controlResources(true))
	case Managed, Boundary:
		if d.version != Version2012 {
			return malformed("Policy document must be version 2012-10-17 or greater.").in("Version")
		}
	}
	return d.checkIdentity()
}

// each runs a check over every statement, so that a document's faults are found in AWS's order: one
// kind of fault after the other, not one statement after the other.
func (d *Document) each(checks ...func(*statement) *Malformed) *Malformed {
	for _, check := range checks {
		for i := range d.statements {
			if m := check(&d.statements[i]); m != nil {
				return m.of(&d.statements[i])
			}
		}
	}
	return nil
}

func (d *Document) checkIdentity() *Malformed {
	if m := d.each(legacy); m != nil {
		return m
	}
	if s := d.duplicateSid(); s != nil {
		return malformed("Statement IDs (SID) in a single policy must be unique.").in("Sid").of(s)
	}
	return d.each(plainSid, someActions, everyResource, everyAction, someResources, noPrincipal)
}

// duplicateSid gives the statement that has the Sid of one before it.
func (d *Document) duplicateSid() *statement {
	seen := map[string]bool{}
	for i := range d.statements {
		sid := d.statements[i].sid
		if sid != "" && seen[sid] {
			return &d.statements[i]
		}
		seen[sid] = true
	}
	return nil
}

func legacy(s *statement) *Malformed {
	for i := range s.conditions {
		c := &s.conditions[i]
		for j := range c.operands {
			if c.operator.class == dateClass && c.operands[j].bad {
				return malformed(legacyParsing).in("Condition", c.written, c.key.text).item(j)
			}
		}
	}
	for i := range s.resources {
		if text := s.resources[i].written; strings.Contains(text, "::") && strings.Count(text, ":") < segments-1 {
			return malformed(legacyParsing).in(s.resourceElement()).item(i)
		}
	}
	return nil
}

func plainSid(s *statement) *Malformed {
	for _, c := range s.sid {
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return malformed("Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*").in("Sid")
		}
	}
	return nil
}

func someActions(s *statement) *Malformed {
	if len(s.actions) == 0 {
		return malformed("Policy statement must contain actions.").in(s.actionElement())
	}
	return nil
}

func someResources(s *statement) *Malformed {
	if len(s.resources) == 0 {
		return malformed("Policy statement must contain resources.").in(s.resourceElement())
	}
	return nil
}

func noPrincipal(s *statement) *Malformed {
	if s.principals != nil {
		return malformed("Policy document should not specify a principal.").in(s.principalElement())
	}
	return nil
}

func everyAction(s *statement) *Malformed {
	for i := range s.actions {
		text := s.actions[i].written
		vendor, _, found := strings.Cut(text, ":")
		switch {
		case text == "*":
		case !found:
			return malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.").in(s.actionElement()).item(i)
		case strings.Count(text, ":") > 1:
			return malformed("Actions/Condition can contain only one colon.").in(s.actionElement()).item(i)
		case !isVendor(vendor):
			return malformed("Vendor %s is not valid", vendor).in(s.actionElement()).item(i)
		}
	}
	return nil
}

func isVendor(s string) bool {
	for i := 0; i < len(s); i++ {
		c := foldByte(s[i])
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_' {
			return false
		}
	}
	return s != ""
}

func everyResource(s *statement) *Malformed {
	for i := range s.resources {
		if r := &s.resources[i]; !r.all {
			if m := checkResource(r.written); m != nil {
				return m.in(s.resourceElement()).item(i)
			}
		}
	}
	return nil
}

// controlResources refuses ARNs of fewer than six parts in an organisation's policies; a service control policy may cut one
// short at a star.
func controlResources(star bool) func(*statement) *Malformed {
	return func(s *statement) *Malformed {
		for i := range s.resources {
			if r := &s.resources[i]; !r.all && strings.HasPrefix(r.written, "arn:") && r.given < segments && !(star && r.trail) {
				return malformed(controlRefusal).in(s.resourceElement()).item(i)
			}
		}
		return nil
	}
}

// controlRefusal is AWS Organizations' sentence for a document that its type of policy may not be.
const controlRefusal = "The provided policy document does not meet the requirements of the specified policy type."

var iamPaths = []string{
	"user/", "federated-user/", "role/", "group/", "instance-profile/", "mfa/", "server-certificate/", "policy/", "sms-mfa/",
	"saml-provider/", "oidc-provider/", "report/", "access-report/",
}

func checkResource(text string) *Malformed {
	parts := strings.SplitN(text, ":", segments)
	if len(parts) == 1 {
		return malformed(`Resource %s must be in ARN format or "*".`, text)
	}
	for len(parts) < segments {
		parts = append(parts, "*")
	}
	partition, service, region, rest := parts[1], parts[2], parts[3], parts[5]
	switch {
	case partition != "aws" && !strings.HasPrefix(partition, "aws-") && partition != "*":
		return malformed("Partition %q is not valid for resource %q.", partition, "arn:"+strings.Join(parts[1:], ":"))
	case strings.Count(text, ":") < 2 || !isVendor(service):
		return malformed("Resource vendor must be fully qualified and cannot contain regexes.")
	case strings.Count(text, ":") < segments-1: // a short ARN: nothing more to read in it
		return nil
	case service == "iam" && region != "":
		return malformed("IAM resource %s cannot contain region information.", text)
	case service == "s3" && region != "" && !strings.HasPrefix(rest, "accesspoint"):
		return malformed("Resource %s can not contain region information.", text)
	case service == "iam" && rest != "*" && !slices.ContainsFunc(iamPaths, func(p string) bool { return strings.HasPrefix(rest, p) }):
		return malformed(`IAM resource path must either be "*" or start with %s.`, strings.Join(iamPaths, ", "))
	}
	return nil
}
