package policy

import (
	"fmt"
	"strings"
	"testing"
)

// The matrix of acceptance: every kind of caller against every kind of policy that may say yes, nothing or
// no, in the caller's own account and in another, each with AWS's sentence. What must come out is written
// here from the evaluation order (facts iam 3.1 to 4), one rule after the other, without the engine.

const (
	mine, theirs = "111122223333", "444455556666"
	theThing     = "arn:aws:sqs:us-east-1:111122223333:jobs"
	theAction    = "sqs:SendMessage"
)

type matrixCaller struct {
	name string
	Principal
	sessions bool // session policies may limit it
	boundary bool
	policies bool // identity policies are attached to it
	related  bool // its account is of the same organisation as the resource's
}

func matrixCallers() []matrixCaller {
	session := func(chain string) Principal {
		return Principal{Kind: RoleSession, ARN: "arn:aws:sts::" + mine + ":assumed-role/trainer/" + chain, Issuer: "arn:aws:iam::" + mine + ":role/trainer", Account: mine, ID: "AROAEXAMPLEEXAMPLE12:" + chain}
	}
	eve := Principal{Kind: User, ARN: "arn:aws:iam::" + theirs + ":user/eve", Account: theirs, ID: "AIDAEXAMPLEEXAMPLE34"}
	return []matrixCaller{
		{"root", Principal{Kind: RootUser, ARN: "arn:aws:iam::" + mine + ":root", Account: mine, ID: mine}, false, false, false, false},
		{"user", Principal{Kind: User, ARN: "arn:aws:iam::" + mine + ":user/ann", Account: mine, ID: "AIDAEXAMPLEEXAMPLE12"}, false, true, true, false},
		{"role session", session("job"), true, true, true, false},
		{"chained role", session("chained"), true, true, true, false},
		{"user of another account", eve, false, true, true, false},
		{"user of another account of the organisation", eve, false, true, true, true},
		{"federated user", Principal{Kind: FederatedUser, ARN: "arn:aws:sts::" + mine + ":federated-user/fay", Issuer: "arn:aws:iam::" + mine + ":user/ann", Account: mine, ID: mine + ":fay"}, true, true, true, false},
		{"service", Principal{Kind: Service, Account: mine, ARN: "sagemaker.amazonaws.com", ID: "sagemaker.amazonaws.com", Name: "sagemaker.amazonaws.com"}, false, false, false, false},
		{"anonymous", Principal{Kind: Anonymous}, false, false, false, false},
	}
}

type word int

const (
	says word = iota // yes
	silent
	no
	none // there is no policy of this kind
)

func (w word) String() string { return [...]string{"allows", "is silent", "denies", "is absent"}[w] }

// document is a policy that says one word about everything, for everybody in accounts where it names principals.
func (w word) document(t *testing.T, kind Kind, whom string) []Attached {
	principal, everyone := "", ""
	if kind.namesPrincipals() {
		principal, everyone = `"Principal":`+whom+`,`, `"Principal":"*",`
	}
	text := map[word]string{
		says:   `{"Effect":"Allow",` + principal + `"Action":"*","Resource":"*"}`,
		silent: `{"Effect":"Allow",` + principal + `"Action":"sns:*","Resource":"*"}`,
		no:     `{"Effect":"Allow",` + principal + `"Action":"*","Resource":"*"},{"Effect":"Deny",` + everyone + `"Action":"sqs:*","Resource":"*"}`,
	}[w]
	if w == none {
		return nil
	}
	return []Attached{{Document: mustParse(t, `{"Version":"2012-10-17","Statement":[`+text+`]}`), Name: "p"}}
}

// matrixRow is one place of the matrix.
type matrixRow struct {
	who   *matrixCaller
	words map[Kind]word
}

func (r *matrixRow) cross() bool { return r.who.Account != mine }

// applies tells whether policies of a kind are asked about the caller at all.
func (r *matrixRow) applies(k Kind) bool {
	identity := r.who.Kind != Service && r.who.Kind != Anonymous
	switch k {
	case SCP:
		return identity
	case RCP:
		return r.who.Kind != Service
	case Boundary:
		return r.who.boundary
	case Session:
		return r.who.sessions
	case Identity:
		return r.who.policies
	}
	return true
}

// want is the answer by the rules, in the order in which causes are told.
func (r *matrixRow) want() (Effect, string) {
	order := []Kind{SCP, RCP, Endpoint, Boundary, Session, Resource, Identity}
	for _, k := range order {
		if r.applies(k) && r.words[k] == no {
			return ExplicitDeny, r.sentence("with an explicit deny in a " + k.String())
		}
	}
	lacks := func(k Kind) bool { return r.applies(k) && r.words[k] == silent }
	for _, k := range []Kind{SCP, RCP, Endpoint} {
		if lacks(k) {
			return ImplicitDeny, r.sentence("because no " + k.String() + " allows the " + theAction + " action")
		}
	}
	implicit := func(k Kind) (Effect, string) {
		return ImplicitDeny, r.sentence("because no " + k.String() + " allows the " + theAction + " action")
	}
	resource := r.words[Resource] == says
	identity := r.who.Kind == RootUser || r.applies(Identity) && r.words[Identity] == says
	if r.who.Kind == FederatedUser && r.words[Session] == none {
		identity = false // such a session has no permissions of its own
	}
	switch {
	case r.who.Kind == Service || r.who.Kind == Anonymous:
		if resource {
			return Allowed, ""
		}
		return implicit(Resource)
	case lacks(Boundary):
		return implicit(Boundary)
	case lacks(Session):
		return implicit(Session)
	case r.cross() && !resource:
		return implicit(Resource)
	case !identity: // the resource's policy names accounts, which only hands the question on
		return implicit(Identity)
	}
	return Allowed, ""
}

// sentence is AWS's; a caller of another account is told the cause only within an organisation.
func (r *matrixRow) sentence(cause string) string {
	name := r.who.ARN
	if r.who.Kind == Anonymous {
		name = "anonymous"
	}
	text := "User: " + name + " is not authorized to perform: " + theAction + " on resource: " + theThing
	if r.cross() && !r.who.related {
		return text
	}
	return text + " " + strings.Replace(cause, "in a identity", "in an identity", 1)
}

func TestMatrixOfCallersPoliciesAndOutcomes(t *testing.T) {
	kinds := []Kind{SCP, RCP, Endpoint, Boundary, Session, Resource, Identity}
	rows := 0
	seen := map[string]int{}
	callers := matrixCallers()
	for i := range callers {
		who := &callers[i]
		whom := `{"AWS":"` + who.Account + `"}`
		switch who.Kind {
		case Service:
			whom = `{"Service":"sagemaker.amazonaws.com"}`
		case Anonymous:
			whom = `"*"`
		}
		// One kind after the other says each word while the rest allow; and each pair of kinds, each pair of words.
		for a, one := range kinds {
			for _, other := range kinds[a:] {
				for _, w := range []word{says, silent, no, none} {
					for _, x := range []word{says, silent, no, none} {
						r := matrixRow{who, map[Kind]word{}}
						for _, k := range kinds {
							r.words[k] = says
						}
						r.words[one], r.words[other] = w, x
						if one == other && w != x {
							continue
						}
						rows++
						effect, text := r.check(t, whom)
						seen[fmt.Sprint(effect, " ", strings.Contains(text, " because ") || strings.Contains(text, " with "))]++
					}
				}
			}
		}
	}
	for _, outcome := range []string{"Allowed false", "ImplicitDeny true", "ImplicitDeny false", "ExplicitDeny true", "ExplicitDeny false"} {
		if seen[outcome] == 0 {
			t.Errorf("no row came out as %q of %v", outcome, seen)
		}
	}
	t.Logf("%d rows: %v", rows, seen)
}

// check decides one row by the engine and holds it to the rules.
func (r *matrixRow) check(t *testing.T, whom string) (Effect, string) {
	t.Helper()
	level := func(k Kind) [][]Attached {
		if r.words[k] == none {
			return nil
		}
		return [][]Attached{r.words[k].document(t, k, `"*"`)}
	}
	s := &Stack{SCP: level(SCP), RCP: level(RCP), Endpoint: r.words[Endpoint].document(t, Endpoint, `"*"`), Resource: r.words[Resource].document(t, Resource, whom)}
	if r.applies(Identity) {
		s.Identity = r.words[Identity].document(t, Identity, "")
	}
	if r.applies(Boundary) {
		s.Boundary = r.words[Boundary].document(t, Boundary, "")
	}
	if r.applies(Session) {
		s.Session = r.words[Session].document(t, Session, "")
	}
	q := &Request{Principal: r.who.Principal, Action: theAction, Resource: theThing, ResourceAccount: mine, Related: r.who.related}
	effect, text := r.want()
	got := Decide(s, q)
	told := ""
	if got.Effect != Allowed {
		told = Sentence(q, got)
	}
	if got.Effect != effect || told != text {
		t.Errorf("%s, %v:\n got %s %s\nwant %s %s", r.who.name, r.words, got.Effect, told, effect, text)
	}
	if why := Explain(s, q).Report(); why.Effect != effect || why.Message != text {
		t.Errorf("%s, %v: explained as %s %s", r.who.name, r.words, why.Effect, why.Message)
	}
	return got.Effect, told
}
