package policy

import (
	"encoding/base64"
	"encoding/json"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The reference evaluator says the same as the engine, slowly and in the plainest words: it reads the
// JSON anew for each request, knows no index and no compiled form, and shares no code with the
// engine but its types.

type refContext map[string]any // by lower-case name: a string or a []string

type refStatement = map[string]any

func refList(v any) []any {
	if l, ok := v.([]any); ok {
		return l
	}
	return []any{v}
}

func refStrings(v any) []string {
	var out []string
	for _, x := range refList(v) {
		switch x := x.(type) {
		case string:
			out = append(out, x)
		case bool:
			out = append(out, strconv.FormatBool(x))
		case json.Number:
			out = append(out, x.String())
		}
	}
	return out
}

func refStatements(d *Document) (list []refStatement, modern bool) {
	dec := json.NewDecoder(strings.NewReader(d.String()))
	dec.UseNumber()
	var doc map[string]any
	if err := dec.Decode(&doc); err != nil {
		panic(err)
	}
	for _, s := range refList(doc["Statement"]) {
		list = append(list, s.(map[string]any))
	}
	return list, doc["Version"] == "2012-10-17"
}

var refVariable = regexp.MustCompile(`\$\{([^},]*)(, *'([^']*)')?\}`)

// refPattern makes a regular expression of a text; ok is false for a variable without a value.
func refPattern(text string, wild, vars bool, ctx refContext) (*regexp.Regexp, bool) {
	quote := func(s string) string {
		q := regexp.QuoteMeta(s)
		if wild {
			q = strings.ReplaceAll(strings.ReplaceAll(q, `\*`, `.*`), `\?`, `.`)
		}
		return q
	}
	if !vars {
		return regexp.MustCompile(`(?s)\A` + quote(text) + `\z`), true
	}
	var b strings.Builder
	for {
		m := refVariable.FindStringSubmatchIndex(text)
		if m == nil {
			b.WriteString(quote(text))
			return regexp.MustCompile(`(?s)\A` + b.String() + `\z`), true
		}
		b.WriteString(quote(text[:m[0]]))
		name := text[m[2]:m[3]]
		value, ok := ctx[strings.ToLower(strings.TrimSpace(name))].(string)
		switch {
		case name == "*" || name == "?" || name == "$":
			value = name
		case ok:
		case m[4] >= 0:
			value = text[m[6]:m[7]]
		default:
			return nil, false
		}
		b.WriteString(regexp.QuoteMeta(value))
		text = text[m[1]:]
	}
}

func refMatch(pattern, text string, wild, vars bool, ctx refContext) bool {
	re, ok := refPattern(pattern, wild, vars, ctx)
	return ok && re.MatchString(text)
}

func refAction(patterns any, action string) bool {
	for _, p := range refStrings(patterns) {
		if refMatch(strings.ToLower(p), strings.ToLower(action), true, false, nil) {
			return true
		}
	}
	return false
}

// refSplit cuts at the first five colons, of which those inside ${} do not count.
func refSplit(s string, vars bool) []string {
	var parts []string
	depth, from := 0, 0
	for i := range len(s) {
		switch {
		case vars && strings.HasPrefix(s[i:], "${"):
			depth++
		case depth > 0 && s[i] == '}':
			depth--
		case s[i] == ':' && depth == 0 && len(parts) < 5:
			parts = append(parts, s[from:i])
			from = i + 1
		}
	}
	return append(parts, s[from:])
}

func refResource(pattern, resource string, kind Kind, vars bool, ctx refContext) bool {
	if strings.Trim(pattern, "*") == "" && pattern != "" {
		return true
	}
	want, have := refSplit(pattern, vars), strings.SplitN(resource, ":", 6)
	if len(have) < 6 {
		return false
	}
	if len(want) < 6 {
		star := strings.Contains(refVariable.ReplaceAllString(pattern, ""), "*")
		switch kind {
		case RCP:
			return false
		case SCP:
			if !strings.HasSuffix(pattern, "*") {
				return false
			}
		case Resource, Endpoint, Trust:
			if !star {
				return false
			}
		}
	}
	for len(want) < 6 {
		want = append(want, "*")
	}
	for i := range want {
		if i < 5 && vars && refVariable.MatchString(want[i]) {
			return false
		}
		if !refMatch(want[i], have[i], true, vars, ctx) {
			return false
		}
	}
	return true
}

func refPrincipal(element any, p *Principal) Grant {
	best := NoGrant
	better := func(g Grant) { best = max(best, g) }
	if s, ok := element.(string); ok {
		element = map[string]any{"AWS": s}
	}
	human := p.Kind != Anonymous && p.Kind != Service && p.Kind != Federated
	for group, v := range element.(map[string]any) {
		for _, name := range refStrings(v) {
			switch {
			case group == "Service":
				if p.Kind == Service && (name == "*" || strings.EqualFold(name, p.Name)) {
					better(DirectGrant)
				}
			case group == "Federated":
				if p.Kind == Federated && (name == "*" || name == p.Name) {
					better(DirectGrant)
				}
			case group == "CanonicalUser":
			case name == "*":
				better(AnyGrant)
			case !human:
			case name == p.Account || name == "arn:aws:iam::"+p.Account+":root":
				better(AccountGrant)
			case name == p.ARN && p.Kind == Role:
				better(RoleGrant)
			case name == p.ARN:
				better(DirectGrant)
			case name == p.Issuer:
				better(RoleGrant)
			}
		}
	}
	return best
}

func refNotPrincipal(element any, p *Principal, allow, bounded bool) Grant {
	if allow {
		if refPrincipal(element, p) == NoGrant {
			return AnyGrant
		}
		return NoGrant
	}
	if bounded && p.Kind != Anonymous && p.Kind != Service && p.Kind != Federated {
		return AnyGrant
	}
	if s, ok := element.(string); ok {
		element = map[string]any{"AWS": s}
	}
	own, issuer := false, p.Issuer == ""
	for group, v := range element.(map[string]any) {
		for _, name := range refStrings(v) {
			switch refPrincipal(map[string]any{group: name}, p) {
			case AccountGrant, AnyGrant:
				return NoGrant
			case DirectGrant:
				own = true
			case RoleGrant:
				issuer = true
				own = own || p.Kind == Role
			}
		}
	}
	if own && issuer {
		return NoGrant
	}
	return AnyGrant
}

func refCondition(op, key string, wanted []string, vars bool, ctx refContext) bool {
	op = strings.ToLower(op)
	quant := ""
	if i := strings.Index(op, ":"); i > 0 {
		quant, op = op[:i], op[i+1:]
	}
	value, present := ctx[strings.ToLower(key)]
	many, isMany := value.([]string)
	if isMany && len(many) == 0 {
		present = false
	}
	if op == "null" {
		return slices.ContainsFunc(wanted, func(w string) bool { return strings.EqualFold(w, strconv.FormatBool(!present)) })
	}
	op, ifExists := strings.CutSuffix(op, "ifexists")
	negated := strings.Contains(op, "not")
	if !present {
		return ifExists || quant == "forallvalues" || quant == "" && negated
	}
	if !isMany {
		many = []string{value.(string)}
	}
	one := func(v string) bool {
		return refSingle(strings.Replace(op, "not", "", 1), v, wanted, negated, vars, ctx)
	}
	every := func() bool { return !slices.ContainsFunc(many, func(v string) bool { return !one(v) }) }
	blank := !slices.ContainsFunc(many, func(v string) bool { return v != "" })
	switch {
	case quant == "forallvalues":
		return blank || every()
	case quant == "foranyvalue":
		return !blank && slices.ContainsFunc(many, one)
	case negated:
		return every()
	}
	return slices.ContainsFunc(many, one)
}

func refSingle(op, v string, wanted []string, negated, vars bool, ctx refContext) bool {
	valid := func(s string) bool {
		switch {
		case strings.HasPrefix(op, "numeric"):
			_, ok := refNumber(s)
			return ok
		case strings.HasPrefix(op, "date"):
			_, ok := refDate(s)
			return ok
		case op == "ipaddress":
			return net.ParseIP(s) != nil
		case strings.HasPrefix(op, "arn"):
			return strings.HasPrefix(s, "arn:") && strings.Count(s, ":") >= 5
		}
		return true
	}
	if !valid(v) {
		return false
	}
	for _, w := range wanted {
		bad := false
		switch {
		case strings.HasPrefix(op, "numeric"), strings.HasPrefix(op, "date"):
			bad = !valid(w)
		case op == "ipaddress":
			_, _, err := net.ParseCIDR(w)
			bad = err != nil && net.ParseIP(w) == nil
		}
		if bad && negated {
			return false
		}
		if !bad && refOne(op, v, w, vars, ctx) {
			return !negated
		}
	}
	return negated
}

func refOne(op, v, w string, vars bool, ctx refContext) bool {
	switch {
	case op == "stringequals":
		return refMatch(w, v, false, vars, ctx)
	case op == "stringlike":
		return refMatch(w, v, true, vars, ctx)
	case op == "stringequalsignorecase":
		return refMatch(strings.ToLower(w), strings.ToLower(v), false, vars, refLower(ctx))
	case op == "bool":
		re, ok := refPattern(strings.ToLower(w), false, vars, refLower(ctx))
		v = strings.ToLower(v)
		return ok && (v == "true" || v == "false") && re.MatchString(v)
	case strings.HasPrefix(op, "arn"):
		return refARN(w, v, vars, ctx)
	case op == "ipaddress":
		_, block, err := net.ParseCIDR(w)
		if err != nil {
			return net.ParseIP(w).Equal(net.ParseIP(v))
		}
		return block.Contains(net.ParseIP(v))
	case op == "binaryequals":
		want, err := base64.StdEncoding.DecodeString(w)
		have, err2 := base64.StdEncoding.DecodeString(v)
		return err == nil && (v == string(want) || err2 == nil && string(have) == string(want))
	case strings.HasPrefix(op, "numeric"):
		a, _ := refNumber(v)
		b, _ := refNumber(w)
		return refRelation(strings.TrimPrefix(op, "numeric"), a.Cmp(b))
	}
	a, _ := refDate(v)
	b, _ := refDate(w)
	return refRelation(strings.TrimPrefix(op, "date"), a.Compare(b))
}
