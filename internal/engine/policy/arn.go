package policy

import "strings"

// segments are the parts of an ARN: five that end at a colon and the rest.
const segments = 6

// splitARN cuts a text at its first five colons.
func splitARN(s string, parts *[segments]string) bool {
	for i := 0; i < segments-1; i++ {
		colon := strings.IndexByte(s, ':')
		if colon < 0 {
			return false
		}
		parts[i], s = s[:colon], s[colon+1:]
	}
	parts[segments-1] = s
	return true
}

// arnPattern matches ARNs segment by segment, so that a star before the fifth colon cannot cross it.
type arnPattern struct {
	all   bool // the pattern is stars alone
	parts [segments]glob
	given int // segments written; fewer than six are a short ARN
	stars bool
	trail bool // a star ends it
}

// newARNPattern cuts pieces at the first five colons outside of variables. Segments that are not
// written match anything; whether a short ARN may match at all depends on the kind of policy.
func newARNPattern(pieces []piece) arnPattern {
	var a arnPattern
	var run []piece
	for i := range pieces {
		p := pieces[i]
		a.stars = a.stars || p.kind == anyRun
		for p.kind == literal && a.given < segments-1 {
			before, rest, ok := strings.Cut(p.text, ":")
			if !ok {
				break
			}
			if before != "" {
				run = append(run, piece{text: before})
			}
			a.parts[a.given] = newGlob(run)
			a.given++
			run, p.text = nil, rest
		}
		if p.kind != literal || p.text != "" {
			run = append(run, p)
		}
	}
	a.parts[a.given] = newGlob(run)
	a.given++
	a.trail = len(run) > 0 && run[len(run)-1].kind == anyRun
	a.all = a.given == 1 && a.parts[0].everything()
	for i := a.given; i < segments; i++ {
		a.parts[i] = newGlob([]piece{{kind: anyRun}})
	}
	return a
}

func (a *arnPattern) match(parts *[segments]string, c *Context) bool {
	for i := segments - 1; i >= 0; i-- { // the resource differs most often
		g := &a.parts[i]
		if g.plain && g.literal != parts[i] || !g.plain && !g.everything() && !g.match(parts[i], c) {
			return false
		}
	}
	return true
}

// resource is one pattern of a Resource or NotResource element.
type resource struct {
	written string
	arnPattern
	variable bool // it has policy variables
}

// lowered tells whether a service's ARNs have names in lower case: who writes endpoint/myEndpoint, as
// AWS's own examples do, means endpoint/myendpoint (facts sagemaker, ARNs; seed 000).
func lowered(service string) bool { return service == "sagemaker" }

// lowerNames lowers what is written behind the fifth colon.
func lowerNames(pieces []piece) {
	colons := 0
	for i := range pieces {
		p := &pieces[i]
		if p.kind != literal {
			continue
		}
		keep := 0
		for ; colons < segments-1; colons++ {
			at := strings.IndexByte(p.text[keep:], ':')
			if at < 0 {
				keep = len(p.text)
				break
			}
			keep += at + 1
		}
		p.text = p.text[:keep] + strings.ToLower(p.text[keep:])
	}
}

func newResource(text string, variables bool) resource {
	pieces := parsePieces(text, language{wildcards: true, variables: variables})
	if parts := strings.SplitN(text, ":", 4); len(parts) == 4 && parts[0] == "arn" && lowered(parts[2]) {
		lowerNames(pieces)
	}
	r := resource{text, newARNPattern(pieces), hasVariables(pieces)}
	for i := 0; i < segments-1; i++ {
		if hasVariables(r.parts[i].first) || r.parts[i].star && (hasVariables(r.parts[i].last) || r.middleVariables(i)) {
			r.never(i) // a variable may stand only after the fifth colon
		}
	}
	return r
}

func (r *resource) middleVariables(i int) bool {
	for _, run := range r.parts[i].middle {
		if hasVariables(run) {
			return true
		}
	}
	return false
}

// never makes a segment match no ARN: a colon cannot stand inside one.
func (r *resource) never(i int) { r.parts[i] = glob{plain: true, literal: ":"} }

// shortMatches tells whether a policy of this kind fills up an ARN with fewer than six parts. AWS
// does not say; this is what a widely used simulator observes.
func (a *arnPattern) shortMatches(kind Kind) bool {
	switch kind {
	case Identity, Session, Boundary:
		return true
	case Resource, Endpoint, Trust:
		return a.stars
	case SCP:
		return a.trail
	}
	return false
}

// target is the resource of a request, split once.
type target struct {
	parts   [segments]string
	isARN   bool
	unknown bool
}

func newTarget(text string) target {
	t := target{unknown: text == UnknownResource}
	t.isARN = splitARN(text, &t.parts)
	if last := segments - 1; t.isARN && lowered(t.parts[2]) {
		t.parts[last] = strings.ToLower(t.parts[last])
	}
	return t
}

func (r *resource) matches(t *target, kind Kind, c *Context) bool {
	if r.all {
		return true
	}
	return t.isARN && (r.given == segments || r.shortMatches(kind)) && r.match(&t.parts, c)
}
