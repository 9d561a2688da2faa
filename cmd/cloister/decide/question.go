package decide

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"cloister/internal/engine/policy"
	"cloister/internal/value/arn"
)

// question is one line in.
type question struct {
	ID       json.RawMessage `json:"id"`
	Policies json.RawMessage `json:"policies"`
	Request  struct {
		Principal       string                     `json:"principal"`
		PrincipalType   string                     `json:"principalType"`
		Action          string                     `json:"action"`
		Resource        string                     `json:"resource"`
		ResourceAccount string                     `json:"resourceAccount"`
		Context         map[string]json.RawMessage `json:"context"`
	} `json:"request"`
}

// policies are the documents by kind; those of an organisation by level.
type policies struct {
	Identity []json.RawMessage   `json:"identity"`
	Resource []json.RawMessage   `json:"resource"`
	Boundary []json.RawMessage   `json:"boundary"`
	Endpoint []json.RawMessage   `json:"endpoint"`
	Session  []json.RawMessage   `json:"session"`
	SCP      [][]json.RawMessage `json:"scp"`
	RCP      [][]json.RawMessage `json:"rcp"`
}

// policies refuses a member that it does not know: the answer would be one without that policy.
func (q *question) policies() (p policies, err error) {
	if len(q.Policies) == 0 {
		return p, nil
	}
	read := json.NewDecoder(bytes.NewReader(q.Policies))
	read.DisallowUnknownFields()
	if err := read.Decode(&p); err != nil {
		return p, errors.New("policies" + wrong(err))
	}
	return p, nil
}

// read makes of a question what the engine takes.
func (q *question) read(known documents) (*policy.Stack, *policy.Request, error) {
	request, err := q.request()
	if err != nil {
		return nil, nil, err
	}
	p, err := q.policies()
	if err != nil {
		return nil, nil, err
	}
	s := &policy.Stack{
		Trust: trusts(request), Required: strings.HasPrefix(request.Resource, "arn:aws:kms:") && strings.Contains(request.Resource, ":key/"),
		ViaEndpoint: len(p.Endpoint) > 0,
	}
	resourceKind := policy.Resource
	if s.Trust {
		resourceKind = policy.Trust
	}
	for _, of := range []struct {
		to    *[]policy.Attached
		from  []json.RawMessage
		kind  policy.Kind
		where string
	}{
		{&s.Identity, p.Identity, policy.Identity, "identity"}, {&s.Resource, p.Resource, resourceKind, "resource"},
		{&s.Boundary, p.Boundary, policy.Boundary, "boundary"}, {&s.Endpoint, p.Endpoint, policy.Endpoint, "endpoint"},
		{&s.Session, p.Session, policy.Session, "session"},
	} {
		if *of.to, err = known.attached(of.from, of.kind, of.where); err != nil {
			return nil, nil, err
		}
	}
	if s.SCP, err = known.levels(p.SCP, policy.SCP, "scp"); err != nil {
		return nil, nil, err
	}
	levels, err := known.levels(p.RCP, policy.RCP, "rcp")
	if err == nil && policy.Controlled(request.Action) {
		s.RCP = withFullAccess(levels)
	}
	return s, request, err
}

// fullAccess is RCPFullAWSAccess, which AWS attaches to every level and which cannot be detached.
var fullAccess = sync.OnceValue(func() policy.Attached {
	d, err := policy.Parse(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}`)
	if err != nil {
		panic(err) // the text above is a policy
	}
	return policy.Attached{Document: d, Name: "RCPFullAWSAccess"}
})

// withFullAccess adds it to the levels that do without.
func withFullAccess(levels [][]policy.Attached) [][]policy.Attached {
	for i := range levels {
		if !slices.ContainsFunc(levels[i], func(a policy.Attached) bool { return a.Document.FullAccess() }) {
			levels[i] = append(levels[i], fullAccess())
		}
	}
	return levels
}

// trusts tells whether the resource's policy is the trust policy of a role.
func trusts(r *policy.Request) bool {
	switch strings.ToLower(r.Action) {
	case "sts:assumerole", "sts:assumerolewithsaml", "sts:assumerolewithwebidentity", "sts:tagsession", "sts:setsourceidentity", "sts:setcontext":
		return strings.HasPrefix(r.Resource, "arn:aws:iam::") && strings.Contains(r.Resource, ":role/")
	}
	return false
}

func (q *question) request() (*policy.Request, error) {
	in := &q.Request
	if vendor, name, ok := strings.Cut(in.Action, ":"); !ok || vendor == "" || name == "" {
		return nil, fmt.Errorf("request.action: %q is no action such as sagemaker:CreateModel", in.Action)
	}
	out := &policy.Request{Action: in.Action, Resource: in.Resource, ResourceAccount: in.ResourceAccount, Context: new(policy.Context)}
	if out.Resource == "" {
		out.Resource = "*"
	}
	if out.ResourceAccount == "" {
		out.ResourceAccount = accountOf(out.Resource)
	}
	seen := map[string]bool{}
	for name, raw := range in.Context {
		key := strings.ToLower(name)
		if seen[key] {
			return nil, fmt.Errorf("request.context: %s is given twice: names of keys are the same in any case", key)
		}
		seen[key] = true
		if err := setContext(out.Context, name, raw); err != nil {
			return nil, fmt.Errorf("request.context: %s: %w", name, err)
		}
	}
	var err error
	out.Principal, err = q.principal(out.Context)
	return out, err
}

// setContext gives a key its value: a string is one, an array is several. Truth values and numbers are
// what their texts are.
func setContext(c *policy.Context, name string, raw json.RawMessage) error {
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return err
	}
	switch v := v.(type) {
	case string:
		c.SetNamed(name, v)
	case bool, float64:
		c.SetNamed(name, string(raw))
	case []any:
		list := make([]string, 0, len(v))
		for _, one := range v {
			text, ok := one.(string)
			if !ok {
				return errors.New("the values of an array are strings")
			}
			list = append(list, text)
		}
		c.SetNamedMany(name, list)
	default:
		return errors.New("is neither a string nor an array of strings")
	}
	return nil
}

var accountForm = regexp.MustCompile(`^[0-9]{12}$`)

// accountOf is the account in an ARN, if there is one: AWS's own resources and S3's have none.
func accountOf(text string) string {
	a, err := arn.Parse(text)
	if err != nil || !accountForm.MatchString(a.Account) {
		return ""
	}
	return a.Account
}

var principalKinds = map[string]policy.PrincipalKind{
	"user": policy.User, "role-session": policy.RoleSession, "role": policy.Role, "federated-user": policy.FederatedUser,
	"root": policy.RootUser, "federated": policy.Federated, "service": policy.Service, "anonymous": policy.Anonymous,
}

func (q *question) principal(c *policy.Context) (policy.Principal, error) {
	text := q.Request.Principal
	kind, ok := principalKinds[q.Request.PrincipalType]
	if !ok {
		return policy.Principal{}, fmt.Errorf("request.principalType: %q is none of user, role-session, role, federated-user, root, federated, service, anonymous", q.Request.PrincipalType)
	}
	p := policy.Principal{Kind: kind}
	switch kind {
	case policy.Anonymous:
		return p, nil
	case policy.Service, policy.Federated:
		if p.Name = text; text == "" {
			return p, errors.New("request.principal is missing")
		}
		return p, nil
	}
	p.ARN, p.Account = text, accountOf(text)
	if p.Account == "" {
		return p, fmt.Errorf("request.principal: %q is no ARN of a %s", text, q.Request.PrincipalType)
	}
	if id, ok := c.Get("aws:userid"); ok && len(id) == 1 {
		p.ID = id[0]
	}
	if kind == policy.RoleSession || kind == policy.FederatedUser {
		p.ARN, p.Issuer = session(text, c)
		p.Name = text
	}
	return p, nil
}

// session finds whose session an ARN is: what aws:PrincipalArn says, as only that has a path, else the role, or
// for a federated user the user, of that name. A role's own ARN stands for any of its sessions.
func session(text string, c *policy.Context) (own, issuer string) {
	a, _ := arn.Parse(text)
	if a.Service == "iam" {
		return "", text
	}
	if said, ok := c.Get("aws:PrincipalArn"); ok && len(said) == 1 && strings.HasPrefix(said[0], "arn:aws:iam::"+a.Account+":") {
		return text, said[0]
	}
	if rest, ok := strings.CutPrefix(a.Resource, "assumed-role/"); ok {
		role, _, _ := strings.Cut(rest, "/")
		return text, "arn:aws:iam::" + a.Account + ":role/" + role
	}
	if name, ok := strings.CutPrefix(a.Resource, "federated-user/"); ok {
		return text, "arn:aws:iam::" + a.Account + ":user/" + name
	}
	return text, ""
}

// documents are those that were read and found good, by kind and text: suites repeat them.
type documents map[policy.Kind]map[string]*policy.Document

const mostDocuments = 10000

func (k documents) levels(from [][]json.RawMessage, kind policy.Kind, where string) (out [][]policy.Attached, err error) {
	for i := range from {
		level, err := k.attached(from[i], kind, fmt.Sprintf("%s[%d]", where, i))
		if err != nil {
			return nil, err
		}
		out = append(out, level)
	}
	return out, nil
}

func (k documents) attached(from []json.RawMessage, kind policy.Kind, where string) (out []policy.Attached, err error) {
	for i := range from {
		name := fmt.Sprintf("%s[%d]", where, i)
		d, err := k.document(from[i], kind)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out = append(out, policy.Attached{Document: d, Name: name})
	}
	return out, nil
}

// document reads a policy as it would be saved; a JSON string holds its text.
func (k documents) document(raw json.RawMessage, kind policy.Kind) (*policy.Document, error) {
	text := string(raw)
	if strings.HasPrefix(text, `"`) {
		if err := json.Unmarshal(raw, &text); err != nil {
			return nil, err
		}
	}
	if d := k[kind][text]; d != nil {
		return d, nil
	}
	d, err := policy.Parse(text)
	if err == nil && !(kind == policy.RCP && d.FullAccess()) {
		err = d.Check(kind)
	}
	var m *policy.Malformed
	if errors.As(err, &m) {
		return nil, fmt.Errorf("%w (%s)", err, place(m))
	}
	if err != nil {
		return nil, err
	}
	if k[kind] == nil || len(k[kind]) >= mostDocuments {
		k[kind] = map[string]*policy.Document{}
	}
	k[kind][text] = d
	return d, nil
}

// place is where a document is wrong: the element, if it is not the document itself, and its place in the text.
func place(m *policy.Malformed) string {
	text := fmt.Sprintf("line %d, column %d", m.Line, m.Column)
	if m.Element != "" {
		text = m.Element + ", " + text
	}
	return text
}
