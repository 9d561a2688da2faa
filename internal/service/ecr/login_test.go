package ecr_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"cloister/internal/door/doortest"
	"cloister/internal/engine/policy"
	"cloister/internal/frame/directory"
)

func TestWhoIsNotLoggedIn(t *testing.T) {
	w := open(t)
	w.root.create("closed")
	bad := w.root.ask("GET", "/v2/", "nonsense", "")
	for _, a := range []*doortest.Answer{w.root.ask("GET", "/v2/", "", ""), bad, w.root.ask("GET", "/v2/closed/tags/list", "", "")} {
		a.Fault(t, 401, "UNAUTHORIZED", "Not Authorized")
		if got := a.Header.Get("Www-Authenticate"); got != `Basic realm="https://`+host+`/",service="ecr.amazonaws.com"` {
			t.Error(got)
		}
		if a.Header.Get("Docker-Distribution-Api-Version") != "registry/2.0" {
			t.Error(a.Header)
		}
	}
	p := w.root.password()
	w.root.ask("GET", "/v2/", p, "").Good(t)
	w.root.ask("GET", "/v2", p, "").Good(t)
	if a := w.root.ask("GET", "/v2/nothing", p, ""); a.Status != 404 || a.Code != "UNSUPPORTED" {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	w.root.ask("GET", "/v2/none/tags/list", p, "").Fault(t, 404, "NAME_UNKNOWN", fmt.Sprintf(noRepository, "none"))
	w.root.ask("GET", "/v2/closed/manifests/v9", p, "").Fault(t, 404, "MANIFEST_UNKNOWN", "Requested image not found")
	w.Pass(13 * time.Hour)
	w.root.ask("GET", "/v2/", p, "").Fault(t, 403, "DENIED", "Your authorization token has expired. Reauthenticate and try again.")
}

// A password stands for who asked for it: what they may do is asked at each request, and it ends with them.
func TestAPasswordIsWorthWhatItsOwnerMayDo(t *testing.T) {
	w := open(t)
	w.root.create("app")
	img := paint(t, 1, nil)
	push(t, w.root, "app", "v1", img)
	puller := w.user(t, "puller", "ecr:GetAuthorizationToken", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
	p := puller.password()
	puller.check(p, "app", "v1", img)
	puller.ask("POST", "/v2/app/blobs/uploads/", p, "").Fault(t, 403, "DENIED", "User: arn:aws:iam::111122223333:user/puller is not authorized to perform: "+
		"ecr:InitiateLayerUpload on resource: arn:aws:ecr:us-east-1:111122223333:repository/app because no identity-based policy allows the ecr:InitiateLayerUpload action")
	w.As(t, w.Root).Query("iam", "DeleteUserPolicy", "UserName", "puller", "PolicyName", "inline").Good(t)
	if a := puller.ask("GET", "/v2/app/manifests/v1", p, ""); a.Status != 403 {
		t.Errorf("without a policy: %d", a.Status)
	}
	w.As(t, w.Root).Query("iam", "DeleteAccessKey", "UserName", "puller", "AccessKeyId", puller.Credentials.AccessKey).Good(t)
	if a := puller.ask("GET", "/v2/", p, ""); a.Status != 401 {
		t.Errorf("without its key: %d", a.Status)
	}
	role := w.Role(t, "reader", doortest.Allow("ecr:*"))
	session := w.as(t, w.As(t, w.User(t, "ann", doortest.Allow("sts:AssumeRole"))).Assume(role, "session"))
	sp := session.password()
	session.ask("GET", "/v2/app/tags/list", sp, "").Good(t)
	w.As(t, w.Root).Query("iam", "DeleteRolePolicy", "RoleName", "reader", "PolicyName", "inline").Good(t)
	w.As(t, w.Root).Query("iam", "DeleteRole", "RoleName", "reader").Good(t)
	if a := session.ask("GET", "/v2/app/tags/list", sp, ""); a.Status != 401 {
		t.Errorf("without its role: %d", a.Status)
	}
}

func TestThroughEndpoints(t *testing.T) {
	w := open(t)
	w.root.create("app", "other")
	text := `{"Statement":[{"Effect":"Allow","Principal":"*","Action":"ecr:*","Resource":"arn:aws:ecr:us-east-1:111122223333:repository/app"}]}`
	d, err := policy.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	w.Directory.SetEndpoint(&directory.Endpoint{ID: "vpce-0dkr", Account: doortest.Account, Policy: &policy.Attached{Document: d, ARN: "vpce-0dkr", Owner: doortest.Account}})
	w.Directory.SetEndpoint(&directory.Endpoint{ID: "vpce-0api", Account: doortest.Account, Policy: &policy.Attached{Document: d, ARN: "vpce-0api", Owner: doortest.Account}})
	p := w.root.password()
	dkr := w.endpoint(t, w.Root, "vpce-0dkr", "ecrdkr")
	dkr.push(p, "app", "v1", paint(t, 1, nil)).Good(t)
	if a := dkr.ask("POST", "/v2/other/blobs/uploads/", p, ""); a.Status != 403 || !strings.Contains(a.Text, "because no VPC endpoint policy allows the ecr:InitiateLayerUpload action") {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	api := w.endpoint(t, w.Root, "vpce-0api", "ecr")
	api.call("ListImages", map[string]any{"repositoryName": "app"}, nil).Good(t)
	if a := api.call("ListImages", map[string]any{"repositoryName": "other"}, nil); a.Code != "AccessDeniedException" || !strings.Contains(a.Text, "because no VPC endpoint policy allows") {
		t.Errorf("%d %s", a.Status, a.Text)
	}
	if a := api.ask("GET", "/v2/", p, ""); a.Status != 403 {
		t.Errorf("the registry through the API's endpoint: %d", a.Status)
	}
}
