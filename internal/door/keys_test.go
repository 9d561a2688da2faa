package door_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"cloister/internal/door"
	"cloister/internal/engine/policy"
	"cloister/internal/frame/api"
	"cloister/internal/frame/directory"
	"cloister/internal/value/caller"
)

// keyRows is each global condition key of AWS's list, and what requests have there: by the column's name,
// "*" for all other columns, "-" for a key that is absent, as it is where nothing is said.
// Sources: facts iam 2.1 (the presence column), privatelink 6.2.
const keyRows = `
aws:PrincipalArn               * arn:aws:iam::111122223333:user/ann | anonymous - | service - | root arn:aws:iam::111122223333:root | session arn:aws:iam::111122223333:role/team/worker | own arn:aws:iam::111122223333:role/team/worker | chained arn:aws:iam::111122223333:role/team/worker | web arn:aws:iam::111122223333:role/team/worker | federated arn:aws:sts::111122223333:federated-user/joe
aws:PrincipalAccount           * 111122223333 | anonymous anonymous | service -
aws:PrincipalOrgPaths          * [o-one/r-1/ou-1/] | anonymous - | service -
aws:PrincipalOrgID             * o-one | anonymous - | service -
aws:PrincipalTag/Team          * red | anonymous - | service - | root - | session Blue | own red | chained Blue | web red | federated -
aws:PrincipalTag/unknown
aws:PrincipalIsAWSService      * false | anonymous - | service true
aws:PrincipalServiceName       service sagemaker.amazonaws.com
aws:PrincipalServiceNamesList  service [sagemaker.amazonaws.com]
aws:PrincipalType              * User | anonymous Anonymous | service - | root Account | session AssumedRole | own AssumedRole | chained AssumedRole | web AssumedRole | federated FederatedUser
aws:userid                     * AIDAANN | anonymous anonymous | service - | root 111122223333 | session AROAWORKER:one | own AROAWORKER:SageMaker | chained AROAWORKER:two | web AROAWORKER:web | federated 111122223333:joe
aws:username                   * ann | anonymous - | service - | root - | session - | own - | chained - | web - | federated -
aws:AssumedRoot
aws:FederatedProvider          web arn:aws:iam::111122223333:oidc-provider/issuer.example
aws:TokenIssueTime             temporary 2026-01-02T03:04:05Z | session 2026-01-02T03:04:05Z | own 2026-01-02T03:04:05Z | chained 2026-01-02T03:04:05Z | web 2026-01-02T03:04:05Z | federated 2026-01-02T03:04:05Z
aws:MultiFactorAuthAge
aws:MultiFactorAuthPresent     temporary false | session false | own false | chained false | web false | federated false
aws:ChatbotSourceArn
aws:Ec2InstanceSourceVpc
aws:Ec2InstanceSourcePrivateIPv4
aws:SourceIdentity             chained ann
ec2:RoleDelivery
ec2:SourceInstanceArn
glue:RoleAssumedBy
glue:CredentialIssuingService
lambda:SourceFunctionArn
ssm:SourceInstanceArn
identitystore:UserId
aws:SourceIp                   * 198.51.100.7 | endpoint - | sagemaker - | sqs - | foreign - | gone - | service - | own - | forwarded -
aws:SourceVpc                  endpoint vpc-1 | sagemaker vpc-1 | sqs vpc-1 | foreign vpc-1 | gone vpc-1
aws:SourceVpcArn               endpoint arn:aws:ec2:us-east-1:111122223333:vpc/vpc-1 | foreign arn:aws:ec2:us-east-1:444455556666:vpc/vpc-1
aws:SourceVpce                 endpoint vpce-1 | sagemaker vpce-1 | sqs vpce-1 | foreign vpce-2 | gone vpce-3
aws:VpceAccount                endpoint 111122223333 | foreign 444455556666
aws:VpceOrgPaths               endpoint [o-one/r-1/ou-1/]
aws:VpceOrgID                  endpoint o-one | sqs o-one
aws:VpcSourceIp                endpoint 10.0.1.7 | sagemaker 10.0.1.7 | sqs 10.0.1.7 | foreign 10.0.1.7 | gone 10.0.1.7
aws:ResourceAccount            * 111122223333 | outside 444455556666 | ownerless -
aws:ResourceOrgID              * o-one | outside - | ownerless -
aws:ResourceOrgPaths           * [o-one/r-1/ou-1/] | outside - | ownerless -
aws:ResourceTag/team           internet green | service red
AWS:resourceTAG/TEAM           internet green | service red
sagemaker:ResourceTag/team     internet green
ec2:ResourceTag/team
aws:CalledVia
aws:CalledViaFirst
aws:CalledViaLast
aws:CalledViaAWSMCP
aws:ViaAWSService              * false | forwarded true
aws:ViaAWSMCPService           * false
aws:CurrentTime                * 2026-01-02T03:04:05Z
aws:EpochTime                  * 1767323045
aws:referer                    browser https://example.com/
aws:RequestedRegion            * us-east-1
aws:RequestTag/team            internet white
aws:TagKeys                    internet [team]
aws:SecureTransport            * true
aws:SourceArn                  service arn:aws:sagemaker:us-east-1:111122223333:training-job/j
aws:SourceAccount              service 111122223333
aws:SourceOwner
aws:SourceOrgPaths             service [o-one/r-1/ou-1/]
aws:SourceOrgID                service o-one
aws:UserAgent                  * aws-cli/2 | service sagemaker.amazonaws.com | own AWS Internal | forwarded AWS Internal | browser Mozilla/5.0
aws:IsMcpServiceAction
`

// asked is one column: who asks what, by which way.
type asked struct {
	as     caller.Caller
	header http.Header
	check  api.Check
}

func keyColumns() map[string]asked {
	now := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	const account = "111122223333"
	userOf := caller.Identity{Kind: caller.User, Account: account, ARN: ann, PrincipalARN: ann, ID: "AIDAANN", Name: "ann"}
	role := func(session string) caller.Identity {
		return caller.Identity{Kind: caller.AssumedRole, Account: account, ARN: "arn:aws:sts::111122223333:assumed-role/worker/" + session,
			PrincipalARN: "arn:aws:iam::111122223333:role/team/worker", ID: "AROAWORKER:" + session, Session: true, Issued: now}
	}
	internet := doortestOrigin(caller.Internet, "198.51.100.7")
	inside := caller.Origin{Place: caller.Inside}
	through := func(endpoint string) caller.Origin {
		o := doortestOrigin(caller.Endpoint, "10.0.1.7")
		o.VPC, o.EndpointID = "vpc-1", endpoint
		return o
	}
	s3 := api.Check{Action: "s3:GetObject", Resource: "arn:aws:s3:::mine/key"}
	cli := http.Header{"User-Agent": {"aws-cli/2"}}
	column := func(id caller.Identity, o caller.Origin) asked {
		return asked{caller.Caller{Identity: id, Origin: o}, cli, s3}
	}
	of := func(a asked, k api.Check) asked {
		a.check = k
		return a
	}
	root := caller.Identity{Kind: caller.Root, Account: account, ARN: "arn:aws:iam::111122223333:root", PrincipalARN: "arn:aws:iam::111122223333:root", ID: account}
	temporary, one, chained, web, own := userOf, role("one"), role("two"), role("web"), role("SageMaker")
	temporary.Session, temporary.Issued = true, now
	one.Tags = []caller.Tag{{Key: "team", Value: "Blue"}}
	chained.Tags, chained.SourceIdentity = one.Tags, "ann"
	web.Provider = "arn:aws:iam::111122223333:oidc-provider/issuer.example"
	own.Issued = time.Time{}
	federated := caller.Identity{Kind: caller.FederatedUser, Account: account, ARN: "arn:aws:sts::111122223333:federated-user/joe",
		PrincipalARN: "arn:aws:sts::111122223333:federated-user/joe", ID: account + ":joe", Issuer: ann, Session: true, Issued: now}
	out := map[string]asked{
		"internet": of(column(userOf, internet), api.Check{Action: "sagemaker:AddTags", Resource: "arn:aws:sagemaker:us-east-1:111122223333:model/M",
			Keys: []api.Key{api.K("aws:RequestTag/team", "white"), api.Ks("aws:TagKeys", "team")}}),
		"endpoint":  column(userOf, through("vpce-1")),
		"sagemaker": of(column(userOf, through("vpce-1")), api.Check{Action: "sagemaker:ListModels", Resource: "*"}),
		"sqs":       of(column(userOf, through("vpce-1")), api.Check{Action: "sqs:SendMessage", Resource: "*"}),
		"foreign":   column(userOf, through("vpce-2")),
		"gone":      column(userOf, through("vpce-3")),
		"anonymous": column(caller.Identity{Kind: caller.Anonymous, ARN: "anonymous", PrincipalARN: "anonymous", ID: "anonymous"}, internet),
		"root":      column(root, internet),
		"temporary": column(temporary, internet),
		"session":   column(one, internet),
		"chained":   column(chained, internet),
		"web":       column(web, internet),
		"own":       {caller.Caller{Identity: own, Origin: inside}, nil, s3},
		"federated": column(federated, internet),
		"service": {caller.ForService("sagemaker.amazonaws.com", account, "arn:aws:sagemaker:us-east-1:111122223333:training-job/j"), nil,
			api.Check{Action: "sts:AssumeRole", Resource: "arn:aws:iam::111122223333:role/team/worker"}},
		"forwarded": {caller.Caller{Identity: userOf, Origin: caller.Origin{Place: caller.Inside, Forwarded: true}}, nil, s3},
		"browser":   {caller.Caller{Identity: userOf, Origin: internet}, http.Header{"User-Agent": {"Mozilla/5.0"}, "Referer": {"https://example.com/"}}, s3},
		"outside":   of(column(userOf, internet), api.Check{Action: "s3:GetObject", Resource: "arn:aws:s3:::theirs/key"}),
		"ownerless": of(column(userOf, internet), api.Check{Action: "ec2:CreateVpcEndpoint", Resource: "arn:aws:ec2:us-east-1:111122223333:vpc-endpoint/*"}),
	}
	return out
}

func doortestOrigin(p caller.Place, source string) caller.Origin {
	return caller.Origin{Place: p, Source: netip.MustParseAddr(source)}
}

func keyed(t *testing.T) *door.Door {
	now := func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }
	d := directory.New([32]byte{1}, now)
	open, err := policy.Parse(`{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	d.SetPrincipal(&directory.Principal{Kind: caller.User, Account: "111122223333", ARN: ann, ID: "AIDAANN", Name: "ann", Tags: []caller.Tag{{Key: "team", Value: "red"}}})
	d.SetPrincipal(&directory.Principal{Kind: caller.AssumedRole, Account: "111122223333", ARN: "arn:aws:iam::111122223333:role/team/worker", ID: "AROAWORKER", Name: "worker",
		Tags: []caller.Tag{{Key: "Team", Value: "red"}}})
	d.SetEndpoint(&directory.Endpoint{ID: "vpce-1", Account: "111122223333", Policy: &policy.Attached{Document: open}})
	d.SetEndpoint(&directory.Endpoint{ID: "vpce-2", Account: "444455556666", Policy: &policy.Attached{Document: open}})
	d.SetResource(&directory.Resource{ARN: "arn:aws:s3:::mine", Account: "111122223333"})
	d.SetResource(&directory.Resource{ARN: "arn:aws:s3:::theirs", Account: "444455556666"})
	d.SetTags("arn:aws:sagemaker:us-east-1:111122223333:model/m", []caller.Tag{{Key: "Team", Value: "green"}})
	d.SetOrganization(&directory.Organization{ID: "o-one", Management: "999999999999", Parents: map[string][]string{"111122223333": {"r-1", "ou-1", "111122223333"}}})
	return door.New(door.Config{Region: "us-east-1", Directory: d, Clock: now})
}

func TestGlobalKeysArePresentWhenAWSHasThem(t *testing.T) {
	d, columns := keyed(t), keyColumns()
	for _, line := range strings.Split(strings.TrimSpace(keyRows), "\n") {
		key, cells, _ := strings.Cut(line, " ")
		want := map[string]string{}
		for _, cell := range strings.Split(cells, "|") {
			name, value, _ := strings.Cut(strings.TrimSpace(cell), " ")
			if columns[name].check.Action == "" && name != "*" && name != "" {
				t.Errorf("%s: no column %s", key, name)
			}
			want[name] = value
		}
		for name, a := range columns {
			w, ok := want[name]
			if !ok {
				w = want["*"]
			}
			if w == "" {
				w = "-"
			}
			c := door.Context(d, a.as, "s3", a.header, a.check)
			values, there := c.Get(key)
			got := "-"
			if there {
				got = strings.Join(values, " ")
				if k := policy.KeyNamed(key); k != 0 && k.Many() {
					got = fmt.Sprint(values)
				}
			}
			if got != w {
				t.Errorf("%s of %s is %s, not %s", key, name, got, w)
			}
		}
	}
}

// A role's tags say nothing about who may pass it, and belong to IAM's own name for them too.
func TestTagsOfARole(t *testing.T) {
	d := keyed(t)
	worker := "arn:aws:iam::111122223333:role/team/worker"
	for _, c := range []struct{ action, key, want string }{
		{"sts:AssumeRole", "aws:ResourceTag/team", "red"}, {"sts:AssumeRole", "iam:ResourceTag/team", "red"}, {"iam:GetRole", "iam:ResourceTag/TEAM", "red"},
		{"iam:PassRole", "aws:ResourceTag/team", ""}, {"iam:PassRole", "iam:ResourceTag/team", ""}, {"iam:GetRole", "ec2:ResourceTag/team", ""}, {"iam:GetRole", "iam:ResourceTag", ""},
	} {
		x := door.Context(d, keyColumns()["root"].as, "iam", http.Header{}, api.Check{Action: c.action, Resource: worker})
		if got, ok := x.Get(c.key); ok != (c.want != "") || ok && got[0] != c.want {
			t.Errorf("%s of %s is %v", c.key, c.action, got)
		}
	}
}

// A key that only Unicode takes for another one is another one, as it is in the request that sets the tag: else who may
// set any tag but "stack" could have it by writing "\u017ftack".
func TestTagKeysAreTheSameInASCIICaseOnly(t *testing.T) {
	for _, near := range []string{"\u017ftac\u212a", "\u017ftack", "stac\u212a"} {
		worker := keyColumns()["session"].as
		worker.Identity.Tags = []caller.Tag{{Key: near, Value: "admin"}}
		x := door.Context(keyed(t), worker, "s3", http.Header{}, api.Check{Action: "s3:GetObject", Resource: "arn:aws:s3:::mine/key"})
		if got, ok := x.Get("aws:PrincipalTag/stack"); ok {
			t.Errorf("%q is taken for stack: %s", near, got)
		}
		if got, _ := x.Get("aws:PrincipalTag/" + near); len(got) != 1 || got[0] != "admin" {
			t.Errorf("%q is %s", near, got)
		}
	}
}

// A service without regions is always asked in the same one.
func TestTheRegionOfAGlobalService(t *testing.T) {
	d := door.New(door.Config{Region: "eu-west-1", Directory: directory.New([32]byte{1}, time.Now), Clock: time.Now})
	for service, want := range map[string]string{"iam": "us-east-1", "sagemaker": "eu-west-1"} {
		x := door.Context(d, keyColumns()["root"].as, service, nil, api.Check{Action: service + ":X", Resource: "*"})
		if got, _ := x.Get("aws:RequestedRegion"); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %v", service, got)
		}
	}
}
