package diff

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// client signs requests (Signature Version 4) with its keys; one without keys signs none.
type client struct{ key, secret, token string }

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

func digest(b string) string {
	sum := sha256.Sum256([]byte(b))
	return hex.EncodeToString(sum[:])
}

func mac(key []byte, s string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(s))
	return h.Sum(nil)
}

// send signs and sends one request to the loopback door, where the signature's scope names the service.
func (c *client) send(t testing.TB, service, method, path, query, body string, headers ...string) answer {
	t.Helper()
	r, err := http.NewRequest(method, door+path+"?"+query, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	if c.key != "" {
		c.sign(r, service, digest(body))
	}
	resp, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(b)}
}

func (c *client) sign(r *http.Request, service, payload string) {
	now := time.Now().UTC()
	stamp, day := now.Format("20060102T150405Z"), now.Format("20060102")
	r.Header.Set("X-Amz-Date", stamp)
	r.Header.Set("X-Amz-Content-Sha256", payload)
	if c.token != "" {
		r.Header.Set("X-Amz-Security-Token", c.token)
	}
	names, lines := []string{"host"}, ""
	for name := range r.Header {
		names = append(names, strings.ToLower(name))
	}
	slices.Sort(names)
	for _, name := range names {
		value := r.Header.Get(name)
		if name == "host" {
			value = r.URL.Host
		}
		lines += name + ":" + value + "\n"
	}
	signed := strings.Join(names, ";")
	query := strings.ReplaceAll(r.URL.Query().Encode(), "+", "%20")
	canonical := strings.Join([]string{r.Method, r.URL.EscapedPath(), query, lines, signed, payload}, "\n")
	scope := day + "/" + region + "/" + service + "/aws4_request"
	key := mac(mac(mac(mac([]byte("AWS4"+c.secret), day), region), service), "aws4_request")
	signature := hex.EncodeToString(mac(key, "AWS4-HMAC-SHA256\n"+stamp+"\n"+scope+"\n"+digest(canonical)))
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+c.key+"/"+scope+", SignedHeaders="+signed+", Signature="+signature)
}

var versions = map[string]string{"ec2": "2016-11-15", "iam": "2010-05-08", "sts": "2011-06-15", "elasticloadbalancing": "2015-12-01"}

// query calls EC2, IAM or STS with names and values in turn.
func (c *client) query(t testing.TB, service, action string, params ...string) answer {
	t.Helper()
	form := url.Values{"Action": {action}, "Version": {versions[service]}}
	for i := 0; i < len(params); i += 2 {
		form.Set(params[i], params[i+1])
	}
	return c.send(t, service, "POST", "/", "", form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
}

type object = map[string]any

// json calls SageMaker, CloudWatch Logs, ECR, Organizations or Cloister's own service.
func (c *client) json(t testing.TB, service, operation string, in object) answer {
	t.Helper()
	b, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	target := map[string]string{"sagemaker": "SageMaker.", "cloister": "Cloister.", "logs": "Logs_20140328.", "organizations": "AWSOrganizationsV20161128.", "ecr": "AmazonEC2ContainerRegistry_V20150921."}[service] + operation
	return c.send(t, service, "POST", "/", "", string(b), "Content-Type", "application/x-amz-json-1.1", "X-Amz-Target", target)
}

// s3 calls S3; what is "bucket/key?query".
func (c *client) s3(t testing.TB, method, what, body string, headers ...string) answer {
	t.Helper()
	path, query, _ := strings.Cut(what, "?")
	return c.send(t, "s3", method, "/"+path, query, body, headers...)
}

// good fails the test unless the call succeeded.
func (a answer) good(t testing.TB) answer {
	t.Helper()
	if a.status > 299 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	return a
}

// fault fails the test unless the call was refused with the status, and with a code and words that are
// in the answer.
func (a answer) fault(t testing.TB, status int, code, words string) {
	t.Helper()
	text := html.UnescapeString(a.body)
	named := strings.Contains(text, "<Code>"+code+"</Code>") || strings.Contains(text, `"__type":"`+code+`"`) || a.header.Get("X-Amzn-Errortype") == code
	if a.status != status || !named || !strings.Contains(text, words) {
		t.Errorf("answered %d %s, wanted %d %s %q", a.status, text, status, code, words)
	}
}

// all gives the text of every element of a name in an XML answer.
func (a answer) all(tag string) (out []string) {
	for _, m := range regexp.MustCompile("<"+tag+">([^<]*)</"+tag+">").FindAllStringSubmatch(a.body, -1) {
		out = append(out, html.UnescapeString(m[1]))
	}
	return out
}

// one gives the text of the first element of a name, which there must be.
func (a answer) one(t testing.TB, tag string) string {
	t.Helper()
	found := a.all(tag)
	if len(found) == 0 {
		t.Fatalf("no %s in %s", tag, a.body)
	}
	return found[0]
}

// object reads a JSON answer.
func (a answer) object(t testing.TB) (out object) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.good(t).body), &out); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	return out
}

// policy is a document with one statement.
func policy(effect, action, resource string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":%q,"Action":%q,"Resource":%q}]}`, effect, action, resource)
}

// user makes a user with an inline policy (none when empty) and a key.
func user(t *testing.T, name, document string) *client {
	t.Helper()
	root.query(t, "iam", "CreateUser", "UserName", name).good(t)
	if document != "" {
		root.query(t, "iam", "PutUserPolicy", "UserName", name, "PolicyName", "inline", "PolicyDocument", document).good(t)
	}
	k := root.query(t, "iam", "CreateAccessKey", "UserName", name).good(t)
	return &client{key: k.one(t, "AccessKeyId"), secret: k.one(t, "SecretAccessKey")}
}

// role makes a role that a principal may assume, with an inline policy.
func role(t *testing.T, name, principal, document string) string {
	t.Helper()
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":` + principal + `,"Action":"sts:AssumeRole"}]}`
	arn := root.query(t, "iam", "CreateRole", "RoleName", name, "AssumeRolePolicyDocument", trust).good(t).one(t, "Arn")
	root.query(t, "iam", "PutRolePolicy", "RoleName", name, "PolicyName", "inline", "PolicyDocument", document).good(t)
	return arn
}

// bucket makes a bucket.
func bucket(t *testing.T, name string) {
	t.Helper()
	root.s3(t, "PUT", name, "").good(t)
}

// theNetwork is the VPC of all tests, for an account may have few.
var theNetwork struct {
	sync.Once
	vpc, subnet, group string
}

// network gives a VPC with one subnet, and its default security group.
func network(t *testing.T) (vpc, subnet, group string) {
	t.Helper()
	n := &theNetwork
	n.Do(func() {
		n.vpc = root.query(t, "ec2", "CreateVpc", "CidrBlock", "10.1.0.0/16").good(t).one(t, "vpcId")
		n.group = root.query(t, "ec2", "DescribeSecurityGroups", "Filter.1.Name", "vpc-id", "Filter.1.Value.1", n.vpc).good(t).one(t, "groupId")
		n.subnet = root.query(t, "ec2", "CreateSubnet", "VpcId", n.vpc, "CidrBlock", "10.1.1.0/24", "AvailabilityZone", region+"a").good(t).one(t, "subnetId")
	})
	if n.subnet == "" {
		t.Fatal("there is no network, as an earlier test says")
	}
	return n.vpc, n.subnet, n.group
}
