package main

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
)

// view is what a policy can see of a call: who does what, and from where it comes.
type view struct {
	principal, action string
	endpoint, vpc     string     // empty for a call that came by the internet
	source            netip.Addr // private by an endpoint, else public
}

// law is a policy by chance: a document, and in plain Go what it says. The two are written side by side
// and have the policy engine only between them.
type law struct{ statements []statement }

type statement struct {
	deny                         bool
	principal, action, condition clause
}

// clause is a part of a statement, as JSON and as a predicate.
type clause struct {
	text string
	met  func(view) bool
}

var always = func(view) bool { return true }

// said is what a policy says of a call.
type said struct{ allow, deny bool }

// says is the whole of IAM that is needed here; a deny wins, and what nothing allows is not allowed.
func (l law) says(v view) (is said) {
	for _, s := range l.statements {
		if s.principal.met(v) && s.action.met(v) && s.condition.met(v) {
			is.allow, is.deny = is.allow || !s.deny, is.deny || s.deny
		}
	}
	return is
}

func (s said) yes() bool { return s.allow && !s.deny }

func (l law) String() string { return l.on("*") }

// on is the policy's document, about one resource.
func (l law) on(resource string) string {
	var list []string
	for _, s := range l.statements {
		effect := "Allow"
		if s.deny {
			effect = "Deny"
		}
		list = append(list, fmt.Sprintf(`{"Effect":"%s",%s%s,"Resource":"%s"%s}`, effect, s.principal.text, s.action.text, resource, s.condition.text))
	}
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(list, ",") + `]}`
}

// open is the policy of an endpoint that was given none.
var open = law{[]statement{{principal: clause{`"Principal":"*",`, always}, action: clause{`"Action":"*"`, always}, condition: clause{"", always}}}}

// lawyer makes laws that speak of things there are.
type lawyer struct {
	*rand.Rand
	vpcs, endpoints, principals []string
	ranges, public              []netip.Prefix
}

func one[T any](r *rand.Rand, list ...T) T { return list[r.IntN(len(list))] }

// endpoint is a policy of an endpoint; half of them let everything pass, as most do.
func (l *lawyer) endpoint() law {
	if l.IntN(2) == 0 {
		return open
	}
	var list []statement
	for range 1 + l.IntN(3) {
		s := l.statement()
		s.principal = l.who()
		list = append(list, s)
	}
	if l.IntN(3) > 0 {
		list = append(list, open.statements...)
	}
	return law{list}
}

// who is everybody, or somebody.
func (l *lawyer) who() clause {
	if l.IntN(3) > 0 {
		return clause{`"Principal":"*",`, always}
	}
	who := one(l.Rand, l.principals...)
	return clause{`"Principal":{"AWS":"` + who + `"},`, func(v view) bool { return v.principal == who }}
}

// bucket is a policy of a bucket, whose actions are S3's alone.
func (l *lawyer) bucket() law {
	var list []statement
	for range 1 + l.IntN(2) {
		s := statement{deny: l.IntN(2) == 0, principal: l.who(), condition: l.condition()}
		s.action = one(l.Rand, clause{`"Action":"s3:*"`, func(v view) bool { return strings.HasPrefix(v.action, "s3:") }},
			clause{`"Action":["s3:GetBucketLocation","s3:ListBucket"]`, func(v view) bool { return v.action == "s3:ListBucket" }})
		list = append(list, s)
	}
	return law{list}
}

// identity is a policy of a user; most begin with a permission for all.
func (l *lawyer) identity() law {
	var list []statement
	for range 1 + l.IntN(2) {
		s := l.statement()
		s.principal = clause{"", always}
		list = append(list, s)
	}
	if l.IntN(3) > 0 {
		list = append(list, statement{principal: clause{"", always}, action: l.every(), condition: clause{"", always}})
	}
	return law{list}
}

func (l *lawyer) statement() statement {
	return statement{deny: l.IntN(2) == 0, action: l.actions(), condition: l.condition()}
}

func (l *lawyer) every() clause { return clause{`"Action":"*"`, always} }

func (l *lawyer) actions() clause {
	switch l.IntN(4) {
	case 0:
		some := []string{one(l.Rand, services...).action, one(l.Rand, services...).action}
		return clause{`"Action":["` + strings.Join(some, `","`) + `"]`, func(v view) bool { return v.action == some[0] || v.action == some[1] }}
	case 1:
		prefix, _, _ := strings.Cut(one(l.Rand, services...).action, ":")
		return clause{`"Action":"` + prefix + `:*"`, func(v view) bool { return strings.HasPrefix(v.action, prefix+":") }}
	}
	return l.every()
}

// condition is one about where a call comes from. A key that a call has not got fails a positive
// operator and meets a negative one.
func (l *lawyer) condition() clause {
	say := func(operator, key, value string, met func(view) bool) clause {
		return clause{`,"Condition":{"` + operator + `":{"` + key + `":"` + value + `"}}`, met}
	}
	vpc, endpoint, within := one(l.Rand, l.vpcs...), one(l.Rand, l.endpoints...), one(l.Rand, l.ranges...)
	shown, who := one(l.Rand, l.public...), one(l.Rand, l.principals...)
	inside := func(v view) bool { return v.endpoint != "" }
	switch l.IntN(14) {
	case 0, 1:
		return say("StringEquals", "aws:SourceVpc", vpc, func(v view) bool { return v.vpc == vpc })
	case 2:
		return say("StringNotEquals", "aws:SourceVpc", vpc, func(v view) bool { return v.vpc != vpc })
	case 3, 4:
		return say("StringEquals", "aws:SourceVpce", endpoint, func(v view) bool { return v.endpoint == endpoint })
	case 5:
		return say("StringNotEqualsIfExists", "aws:sourceVpce", endpoint, func(v view) bool { return v.endpoint != endpoint })
	case 6:
		return say("IpAddress", "aws:SourceIp", shown.String(), func(v view) bool { return !inside(v) && shown.Contains(v.source) })
	case 7:
		return say("NotIpAddress", "aws:SourceIp", shown.String(), func(v view) bool { return inside(v) || !shown.Contains(v.source) })
	case 8:
		return say("IpAddress", "aws:VpcSourceIp", within.String(), func(v view) bool { return inside(v) && within.Contains(v.source) })
	case 9:
		return say("NotIpAddress", "aws:VpcSourceIp", within.String(), func(v view) bool { return !inside(v) || !within.Contains(v.source) })
	case 10:
		return say("Null", "aws:SourceVpce", "true", func(v view) bool { return !inside(v) })
	case 11:
		return say("StringLike", "aws:SourceVpc", "vpc-*", inside)
	case 12:
		return say("ArnEquals", "aws:PrincipalArn", who, func(v view) bool { return v.principal == who })
	}
	return clause{"", always}
}
