package decide

import (
	"encoding/json"
	"io"
	"strings"
	"testing"
)

// ask gives the answers to lines.
func ask(t *testing.T, lines ...string) []answer {
	t.Helper()
	var out strings.Builder
	if err := Lines(strings.NewReader(strings.Join(lines, "\n")), &out, false); err != nil {
		t.Fatal(err)
	}
	var all []answer
	for _, line := range strings.Split(strings.TrimSpace(out.String()), "\n") {
		var a answer
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		all = append(all, a)
	}
	return all
}

const (
	allowAll  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
	denyAll   = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}`
	everybody = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}`
	user      = `"principal":"arn:aws:iam::123456789012:user/ann","principalType":"user"`
	read      = `"action":"s3:GetObject","resource":"arn:aws:s3:::b/k"`
)

func line(policies, request string) string {
	return `{"id":"x","policies":{` + policies + `},"request":{` + request + `}}`
}

func TestDecide(t *testing.T) {
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:user/ann"},"Action":"sts:AssumeRole"}]}`
	ofRole := func(arn string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + arn + `"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}]}`
	}
	session := `"principal":"arn:aws:sts::123456789012:assumed-role/r/s","principalType":"role-session",` + read
	for _, c := range []struct {
		what, policies, request, want string
	}{
		{"an identity policy allows", `"identity":[` + allowAll + `]`, user + "," + read, "Allowed"},
		{"nothing allows", ``, user + "," + read, "ImplicitDeny"},
		{"a deny wins", `"identity":[` + allowAll + `,` + denyAll + `]`, user + "," + read, "ExplicitDeny"},
		{"a boundary limits", `"identity":[` + allowAll + `],"boundary":[{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sqs:*","Resource":"*"}]}]`, user + "," + read, "ImplicitDeny"},
		{"a session policy limits", `"identity":[` + allowAll + `],"session":[{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sqs:*","Resource":"*"}]}]`, session, "ImplicitDeny"},
		{"an endpoint policy limits", `"identity":[` + allowAll + `],"endpoint":[{"Statement":[{"Effect":"Allow","Principal":"*","Action":"sqs:*","Resource":"*"}]}]`, user + "," + read, "ImplicitDeny"},
		{"empty lists are none", `"identity":[` + allowAll + `],"endpoint":[],"boundary":[],"session":[],"scp":[],"rcp":[]`, user + "," + read, "Allowed"},
		{"a level without a policy allows nothing", `"identity":[` + allowAll + `],"scp":[[` + allowAll + `],[]]`, user + "," + read, "ImplicitDeny"},
		{"each level allows", `"identity":[` + allowAll + `],"scp":[[` + allowAll + `],[` + denyAll + `,` + allowAll + `]]`, user + "," + read, "ExplicitDeny"},
		{"AWS's own resource control policy", `"identity":[` + allowAll + `],"rcp":[[` + everybody + `]]`, user + "," + read, "Allowed"},
		{"a text in a string", `"identity":[` + quoted(allowAll) + `]`, user + "," + read, "Allowed"},
		{"another account's resource", `"identity":[` + allowAll + `]`, user + `,"action":"sqs:SendMessage","resource":"arn:aws:sqs:us-east-1:999999999999:q"`, "ImplicitDeny"},
		{"another account's bucket", `"identity":[` + allowAll + `]`, user + "," + read + `,"resourceAccount":"999999999999"`, "ImplicitDeny"},
		{"and its policy", `"identity":[` + allowAll + `],"resource":[` + everybody + `]`, user + "," + read + `,"resourceAccount":"999999999999"`, "Allowed"},
		{"AWS's own resource", `"identity":[` + allowAll + `]`, user + `,"action":"iam:GetPolicy","resource":"arn:aws:iam::aws:policy/ReadOnlyAccess"`, "Allowed"},
		{"a trust policy that names the caller", `"resource":[` + trust + `]`, user + `,"action":"sts:AssumeRole","resource":"arn:aws:iam::123456789012:role/r"`, "Allowed"},
		{"a role that trusts nobody", `"identity":[` + allowAll + `]`, user + `,"action":"sts:AssumeRole","resource":"arn:aws:iam::123456789012:role/r"`, "ImplicitDeny"},
		{"a key without a key policy", `"identity":[` + allowAll + `]`, user + `,"action":"kms:Decrypt","resource":"arn:aws:kms:us-east-1:123456789012:key/k"`, "ImplicitDeny"},
		{"a session of a role by name", `"resource":[` + ofRole("arn:aws:iam::123456789012:role/r") + `]`, session, "Allowed"},
		{"a session of a role with a path", `"resource":[` + ofRole("arn:aws:iam::123456789012:role/p/r") + `]`, session + `,"context":{"aws:PrincipalArn":"arn:aws:iam::123456789012:role/p/r"}`, "Allowed"},
		{"a role's own ARN is any of its sessions", `"resource":[` + ofRole("arn:aws:iam::123456789012:role/r") + `]`, `"principal":"arn:aws:iam::123456789012:role/r","principalType":"role-session",` + read, "Allowed"},
		{"root", ``, `"principal":"arn:aws:iam::123456789012:root","principalType":"root",` + read, "Allowed"},
		{"a federated user has no rights of its own", `"identity":[` + allowAll + `]`, `"principal":"arn:aws:sts::123456789012:federated-user/f","principalType":"federated-user",` + read, "ImplicitDeny"},
		{"anonymous", `"resource":[` + everybody + `]`, `"principalType":"anonymous",` + read, "Allowed"},
		{"a service", `"resource":[{"Statement":[{"Effect":"Allow","Principal":{"Service":"sagemaker.amazonaws.com"},"Action":"s3:*","Resource":"*"}]}]`, `"principal":"sagemaker.amazonaws.com","principalType":"service",` + read, "Allowed"},
		{"an identity provider", `"resource":[{"Statement":[{"Effect":"Allow","Principal":{"Federated":"accounts.google.com"},"Action":"sts:AssumeRoleWithWebIdentity"}]}]`,
			`"principal":"accounts.google.com","principalType":"federated","action":"sts:AssumeRoleWithWebIdentity","resource":"arn:aws:iam::123456789012:role/r"`, "Allowed"},
		{"a key with one value", `"identity":[{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:SourceVpce":"vpce-1"}}}]}]`, user + "," + read + `,"context":{"AWS:sourcevpce":"vpce-1"}`, "Allowed"},
		{"a key with several", `"identity":[{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"ForAllValues:StringEquals":{"aws:TagKeys":["a"]}}}]}]`, user + "," + read + `,"context":{"aws:TagKeys":["a","b"]}`, "ImplicitDeny"},
		{"a truth value", `"identity":[{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"true"}}}]}]`, user + "," + read + `,"context":{"aws:SecureTransport":true}`, "Allowed"},
	} {
		a := ask(t, line(c.policies, c.request))[0]
		if a.Result != c.want {
			t.Errorf("%s: %s %s, wanted %s", c.what, a.Result, a.Error, c.want)
		}
		if string(a.ID) != `"x"` || (a.Message == "") != (c.want == "Allowed") || a.Decided == nil {
			t.Errorf("%s: %+v", c.what, a)
		}
	}
}

func quoted(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string has a form
	}
	return string(b)
}

func TestWhatIsNoQuestion(t *testing.T) {
	for text, want := range map[string]string{
		`nonsense`: "line 1: question: invalid character", `[]`: "line 1: question: cannot be array", `{"id":7}`: "request.action:",
		`{"id":7,"request":{"principal":7}}`: "request.principal: cannot be number", "{\"id\":\"\xff\",\"request\":{}}": "line 1: not UTF-8",
		line(`"identiti":[]`, user+","+read): `policies: unknown field "identiti"`,
		line(`"identity":{}`, user+","+read): "policies.identity: cannot be object",
		line(`"scp":[{}]`, user+","+read):    "policies.scp: cannot be object",
		line(`"identity":[{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Principal":"*"}]}]`, user+","+read):                       "identity[0]: Policy document should not specify a principal. (Statement[0].Principal, line 1, column 73)",
		line(`"identity":[{"Statement":[]]`, user+","+read):                                                                                      "line 1: question: invalid character",
		line(`"boundary":[{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}]`, user+","+read):                                       "boundary[0]: Policy document must be version 2012-10-17 or greater. (line 1, column 1)",
		line(`"scp":[[],[{"Version":"2012-10-17","Statement":[{"Effect":"Alow","Action":"*","Resource":"*"}]}]]`, user+","+read):                 "scp[1][0]: line 1",
		line(`"rcp":[[`+allowAll+`,{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*"}]}]]`, user+","+read):                  "rcp[0][1]:",
		line(`"resource":[{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}]`, user+","+read):                                       "resource[0]: Missing required field Principal (Statement[0], line 1, column 15)",
		line(``, `"principal":"ann","principalType":"user",`+read):                                                                               "request.principal:",
		line(``, `"principal":"arn:aws:iam::123456789012:user/ann","principalType":"person",`+read):                                              "request.principalType:",
		line(``, `"principalType":"service",`+read):                                                                                              "request.principal is missing",
		line(``, user+`,"action":"GetObject","resource":"*"`):                                                                                    "request.action:",
		line(``, user+","+read+`,"context":{"aws:SourceIp":{}}`):                                                                                 "request.context: aws:SourceIp:",
		line(``, user+","+read+`,"context":{"aws:TagKeys":[1]}`):                                                                                 "request.context: aws:TagKeys:",
		line(`"resource":[`+everybody+`]`, user+`,"action":"sts:AssumeRole","resource":"arn:aws:iam::123456789012:role/r"`):                      "resource[0]: AssumeRole policy may only specify STS AssumeRole actions. (Statement[0].Action, line 1, column 81)",
		line(`"rcp":[[`+strings.Replace(strings.Replace(everybody, "Allow", "Deny", 1), `"*","Res`, `["s3:*","*"],"Res`, 1)+`]]`, user+","+read): "rcp[0][0]: The provided policy document does not meet the requirements of the specified policy type. (Statement[0].Action[1], line 1, column 88)",
		line(``, user+","+read+`,"context":{"aws:TagKeys":[],"AWS:tagkeys":["a"]}`):                                                              "request.context: aws:tagkeys is given twice",
		line(``, user+`,"action":"s3:GetObject","resource":"arn:aws:s3:::b/`+"\xff"+`"`):                                                         "not UTF-8",
	} {
		if a := ask(t, text)[0]; a.Result != "invalid" || !strings.HasPrefix(a.Error, want) {
			t.Errorf("%s: %s %q, wanted %q", text, a.Result, a.Error, want)
		}
	}
}

// TestALineThatIsTooLong is answered as what it is, and the next line is read.
func TestALineThatIsTooLong(t *testing.T) {
	good := line(`"identity":[`+allowAll+`]`, user+","+read)
	all := ask(t, good, strings.Repeat("x", longestLine+1), good)
	if len(all) != 3 || all[1].Result != "invalid" || all[1].Error != "line 2: longer than 67108864 bytes" || all[2].Result != "Allowed" {
		t.Errorf("%v", all)
	}
}

// TestDecideStreams asks one question after the other on an open pipe: each is answered before the next.
func TestDecideStreams(t *testing.T) {
	in, ask := io.Pipe()
	answers, out := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- Lines(in, out, true) }()
	read := json.NewDecoder(answers)
	for range 3 {
		if _, err := io.WriteString(ask, "\n"+line(``, user+`,"action":"s3:GetObject"`)+"\n"); err != nil {
			t.Fatal(err)
		}
		var a answer
		if err := read.Decode(&a); err != nil || a.Result != "ImplicitDeny" || a.Reasons != nil {
			t.Fatalf("%+v %v", a, err)
		}
	}
	ask.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestDecideAnswersBeforeTheNextIsWhole sends a question and the beginning of the next in one piece: the first is
// answered while the second is still on its way.
func TestDecideAnswersBeforeTheNextIsWhole(t *testing.T) {
	in, ask := io.Pipe()
	answers, out := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- Lines(in, out, true) }()
	read := json.NewDecoder(answers)
	next := line(``, user+`,"action":"s3:GetObject"`)
	if _, err := io.WriteString(ask, next+"\n"+next[:20]); err != nil {
		t.Fatal(err)
	}
	for _, rest := range []string{next[20:] + "\n", ""} {
		var a answer
		if err := read.Decode(&a); err != nil || a.Result != "ImplicitDeny" {
			t.Fatalf("%+v %v", a, err)
		}
		if _, err := io.WriteString(ask, rest); err != nil {
			t.Fatal(err)
		}
	}
	ask.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestDecideReadsOn has lines that are too long, begin with a byte order mark, or end as on Windows.
func TestDecideReadsOn(t *testing.T) {
	good := line(`"identity":[`+allowAll+`]`, user+","+read)
	all := ask(t, "\uFEFF"+good+"\r", `{"id":"`+strings.Repeat("a", longestLine)+`"}`, "", good)
	if len(all) != 3 || all[0].Result != "Allowed" || all[1].Result != "invalid" || !strings.Contains(all[1].Error, "line 2: longer than") || all[2].Result != "Allowed" {
		t.Errorf("%.300v", all)
	}
}
