package ecr_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"cloister/internal/door/doortest"
	"cloister/internal/engine/sigv4"
)

const setPolicy = `{"Version":"2012-10-17","Statement":[{"Sid":"s","Effect":"%s","Principal":%s,"Action":%s}]}`

func (c client) policy(repository, effect, principal, action string) *doortest.Answer {
	return c.call("SetRepositoryPolicy", map[string]any{"repositoryName": repository, "policyText": fmt.Sprintf(setPolicy, effect, principal, action)}, nil)
}

// other is the root of another account.
func (w *world) other(t testing.TB) client {
	id, secret, _, err := w.IAM.Root(t.Context(), doortest.Other)
	if err != nil {
		t.Fatal(err)
	}
	return w.as(t, sigv4.Credentials{AccessKey: id, Secret: secret})
}

func TestARepositorysPolicyDecides(t *testing.T) {
	w := open(t)
	w.root.create("app")
	push(t, w.root, "app", "v1", paint(t, 1, nil))
	get := map[string]any{"registryId": doortest.Account, "repositoryName": "app", "imageIds": []identifier{{"imageTag": "v1"}}}
	other, nobody := w.other(t), w.user(t, "nobody", "ecr:GetAuthorizationToken")
	if a := other.call("BatchGetImage", get, nil); a.Code != "AccessDeniedException" {
		t.Errorf("another account: %d", a.Status)
	}
	w.root.policy("app", "Allow", `{"AWS":"`+doortest.Other+`"}`, `["ecr:BatchGetImage"]`).Good(t)
	other.call("BatchGetImage", get, nil).Good(t)
	if a := other.call("BatchDeleteImage", get, nil); a.Code != "AccessDeniedException" {
		t.Errorf("what the policy does not allow: %d", a.Status)
	}
	p := other.password()
	other.ask("GET", "/v2/app/manifests/v1", p, "").Good(t)
	if a := other.ask("POST", "/v2/app/blobs/uploads/", p, ""); a.Status != 403 || a.Code != "DENIED" {
		t.Errorf("a push: %d %s", a.Status, a.Body)
	}
	w.again(t) // the policy is on record
	other.call("BatchGetImage", get, nil).Good(t)
	w.root.policy("app", "Allow", `{"AWS":"arn:aws:iam::111122223333:user/nobody"}`, `"ecr:*"`).Good(t)
	if a := other.call("BatchGetImage", get, nil); a.Code != "AccessDeniedException" {
		t.Errorf("after the policy changed: %d", a.Status)
	}
	nobody.call("BatchGetImage", get, nil).Good(t)
	w.root.policy("app", "Deny", `"*"`, `"ecr:BatchGetImage"`).Good(t)
	if a := w.root.call("BatchGetImage", get, nil); !strings.Contains(a.Text, "with an explicit deny in a resource-based policy") {
		t.Errorf("%d %s", a.Status, a.Text)
	}
	var out struct{ PolicyText string }
	if w.root.call("GetRepositoryPolicy", map[string]any{"repositoryName": "app"}, &out); out.PolicyText != fmt.Sprintf(setPolicy, "Deny", `"*"`, `"ecr:BatchGetImage"`) {
		t.Error(out)
	}
	w.root.call("DeleteRepositoryPolicy", map[string]any{"repositoryName": "app"}, nil).Good(t)
	for _, op := range []string{"GetRepositoryPolicy", "DeleteRepositoryPolicy"} {
		w.root.call(op, map[string]any{"repositoryName": "app"}, nil).Fault(t, 400, "RepositoryPolicyNotFoundException",
			"Repository policy does not exist for the repository with name 'app' in the registry with id '111122223333'")
	}
	w.root.call("BatchGetImage", get, nil).Good(t)
}

func TestPoliciesThatAreNone(t *testing.T) {
	w := open(t)
	w.root.create("app")
	statement := func(s string) string { return `{"Version":"2012-10-17","Statement":[` + s + `]}` }
	for _, text := range []string{
		"", "{", "[]", "{}", statement(""), statement(`{}`), statement(`{"Effect":"Allow","Action":"ecr:*"}`), statement(`{"Effect":"Allow","Principal":"*"}`),
		statement(`{"Effect":"Allow","Principal":"*","Action":"s3:*"}`), statement(`{"Effect":"Allow","Principal":"*","Action":"ecr:*","Resource":"*"}`),
		statement(`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/none"},"Action":"ecr:*"}`), statement(`{"Effect":"Maybe","Principal":"*","Action":"ecr:*"}`),
		statement(`{"Effect":"Allow","Principal":"*","Action":[1]}`), `{"Statement":1}`,
	} {
		w.root.call("SetRepositoryPolicy", map[string]any{"repositoryName": "app", "policyText": text}, nil).Fault(t, 400, "InvalidParameterException",
			"Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'")
	}
	locked := map[string]any{"repositoryName": "app", "policyText": fmt.Sprintf(setPolicy, "Deny", `"*"`, `"ecr:SetRepositoryPolicy"`)}
	if a := w.root.call("SetRepositoryPolicy", locked, nil); a.Code != "InvalidParameterException" {
		t.Errorf("a policy that locks out: %d", a.Status)
	}
	locked["force"] = true
	w.root.call("SetRepositoryPolicy", locked, nil).Good(t)
	if a := w.root.call("SetRepositoryPolicy", locked, nil); a.Code != "AccessDeniedException" {
		t.Errorf("after it was forced: %d", a.Status)
	}
}

// rules makes a lifecycle policy, which must have a hundred characters.
func rules(all ...string) string {
	return `{"rules":[` + strings.Join(all, ",") + `]}` + strings.Repeat(" ", 100)
}

func expireRule(priority int, selection string) string {
	return fmt.Sprintf(`{"rulePriority":%d,"description":"d","selection":{%s},"action":{"type":"expire"}}`, priority, selection)
}

func TestLifecyclePoliciesDelete(t *testing.T) {
	w := open(t)
	w.root.create("app")
	p := w.root.password()
	for i := range 4 {
		w.root.push(p, "app", fmt.Sprintf("dev-%d", i), paint(t, 1, nil)).Good(t)
		w.Pass(time.Minute)
	}
	w.root.push(p, "app", "prod-1", paint(t, 1, nil)).Good(t)
	bare := paint(t, 1, nil)
	w.root.push(p, "app", bare.digest(), bare).Good(t)
	child := paint(t, 1, nil)
	w.root.push(p, "app", "prod-list", gather(t, child)).Good(t)
	text := rules(expireRule(1, `"tagStatus":"tagged","tagPrefixList":["dev-"],"countType":"imageCountMoreThan","countNumber":2`),
		expireRule(2, `"tagStatus":"untagged","countType":"sinceImagePushed","countUnit":"days","countNumber":1`))
	w.root.call("PutLifecyclePolicy", map[string]any{"repositoryName": "app", "lifecyclePolicyText": text}, nil).Good(t)
	left := func() string {
		t.Helper()
		w.keep(t)
		var out struct {
			ImageIds []struct{ ImageTag, ImageDigest string }
		}
		w.root.call("ListImages", map[string]any{"repositoryName": "app"}, &out)
		tags := map[string]bool{}
		for _, i := range out.ImageIds {
			switch {
			case i.ImageTag != "":
				tags[i.ImageTag] = true
			case i.ImageDigest == bare.digest():
				tags["bare"] = true
			case i.ImageDigest == child.digest():
				tags["child"] = true
			}
		}
		b, _ := json.Marshal(tags)
		return string(b)
	}
	if got := left(); got != `{"bare":true,"child":true,"dev-2":true,"dev-3":true,"prod-1":true,"prod-list":true}` {
		t.Error(got)
	}
	w.Pass(25 * time.Hour)
	if got := left(); got != `{"child":true,"dev-2":true,"dev-3":true,"prod-1":true,"prod-list":true}` {
		t.Errorf("a day later: %s", got)
	}
	var out struct {
		LifecyclePolicyText string
		LastEvaluatedAt     float64
	}
	if w.root.call("GetLifecyclePolicy", map[string]any{"repositoryName": "app"}, &out); out.LifecyclePolicyText != text || out.LastEvaluatedAt == 0 {
		t.Error(out)
	}
	w.root.call("DeleteLifecyclePolicy", map[string]any{"repositoryName": "app"}, nil).Good(t)
	for _, op := range []string{"GetLifecyclePolicy", "DeleteLifecyclePolicy"} {
		w.root.call(op, map[string]any{"repositoryName": "app"}, nil).Fault(t, 400, "LifecyclePolicyNotFoundException",
			"Lifecycle policy does not exist for the repository with name 'app' in the registry with id '111122223333'")
	}
}

func TestLifecyclePoliciesThatAreNone(t *testing.T) {
	w := open(t)
	w.root.create("app")
	count := `"countType":"imageCountMoreThan","countNumber":1`
	for _, text := range []string{
		rules(), "{" + strings.Repeat(" ", 100), rules(expireRule(0, `"tagStatus":"any",`+count)), rules(expireRule(1, `"tagStatus":"some",`+count)),
		rules(expireRule(1, `"tagStatus":"tagged",`+count)), rules(expireRule(1, `"tagStatus":"untagged","tagPrefixList":["a"],`+count)),
		rules(expireRule(1, `"tagStatus":"any",`+count), expireRule(2, `"tagStatus":"untagged",`+count)),
		rules(expireRule(1, `"tagStatus":"untagged",`+count), expireRule(1, `"tagStatus":"any",`+count)),
		rules(expireRule(1, `"tagStatus":"any","countType":"sinceImagePushed","countNumber":1`)), rules(expireRule(1, `"tagStatus":"any","countType":"imageCountMoreThan","countNumber":0`)),
		rules(expireRule(1, `"tagStatus":"any","countType":"never","countNumber":1`)), rules(expireRule(1, `"tagStatus":"any","size":1,`+count)),
		strings.Replace(rules(expireRule(1, `"tagStatus":"any",`+count)), "expire", "transition", 1),
	} {
		if a := w.root.call("PutLifecyclePolicy", map[string]any{"repositoryName": "app", "lifecyclePolicyText": text}, nil); a.Code != "InvalidParameterException" ||
			!strings.HasPrefix(a.Text, "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: 'Lifecycle policy validation failure: ") {
			t.Errorf("%s: %d %s", text, a.Status, a.Text)
		}
	}
}
