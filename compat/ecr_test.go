package compat

import (
	"strings"
	"testing"
)

const registry = account + ".dkr.ecr." + region + ".amazonaws.com"

// pulls is what a role needs to run images of ECR.
const pulls = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ecr:BatchGetImage","ecr:GetDownloadUrlForLayer","ecr:BatchCheckLayerAvailability"],"Resource":"*"}]}`

// TestImages pushes an image from inside a VPC that has no way out but the endpoints of ECR, and trains it there.
func TestImages(t *testing.T) {
	t.Parallel()
	needProgram(t, "skopeo")
	d := own(t)
	v := d.vpc(t, "ecr.api", "ecr.dkr", "logs")
	d.provide(t)
	at, inside, image := d.internet(), v.inside(), registry+"/team/app:1"
	from := "oci:" + layout(t)

	inside.aws(t, "ecr", "create-repository", "--repository-name", "team/app", "--query", "repository.repositoryArn")
	password := inside.aws(t, "ecr", "get-authorization-token", "--query", "authorizationData[0].authorizationToken")
	secret := decoded(t, password)
	inside.must(t, "skopeo", "copy", "--dest-creds", secret, from, "docker://"+image)
	digest := inside.aws(t, "ecr", "describe-images", "--repository-name", "team/app", "--query", "imageDetails[].[imageDigest,imageTags[0]]")
	digest, tag, _ := strings.Cut(digest, "\t")
	if tag != "1" {
		t.Errorf("the image has the tag %s", tag)
	}
	if got := inside.must(t, "skopeo", "inspect", "--creds", secret, "--format", "{{.Digest}} {{.Labels}}", "docker://"+image); got != digest+" map[kind:test]" {
		t.Errorf("skopeo sees %s", got)
	}
	if out, err := inside.try("skopeo", "inspect", "--creds", "AWS:nonsense", "docker://"+image); err == nil || !strings.Contains(out, "unauthorized") {
		t.Errorf("with another password: %v %s", err, out)
	}

	// The endpoint's policy has its say of every layer.
	v.ec2(t, "ModifyVpcEndpoint", "VpcEndpointId", v.endpoints["ecr.dkr"], "PolicyDocument", `{"Statement":[{"Effect":"Allow","Principal":"*","Action":["ecr:BatchGetImage","ecr:GetDownloadUrlForLayer"],"Resource":"*"}]}`)
	inside.must(t, "skopeo", "inspect", "--creds", secret, "docker://"+image)
	if out, err := inside.try("skopeo", "copy", "--dest-creds", secret, from, "docker://"+registry+"/team/app:2"); err == nil || !strings.Contains(out, "403 (Forbidden)") {
		t.Errorf("a push that the endpoint's policy does not allow: %v %s", err, out)
	}

	// The role must be allowed to pull.
	refused := v.job(t, "refused", image, `{}`)
	if status, reason := v.settled(t, refused); status != "Failed" || !strings.Contains(reason, "Cannot find the training image "+image) ||
		!strings.Contains(reason, "assumed-role/execution/SageMaker is not authorized to perform: ecr:BatchGetImage on resource: arn:aws:ecr:"+region+":"+account+":repository/team/app because no identity-based policy allows the ecr:BatchGetImage action") {
		t.Errorf("%s: %s", status, reason)
	}
	at.aws(t, "iam", "put-role-policy", "--role-name", "execution", "--policy-name", "pulls", "--policy-document", pulls)
	for name, reference := range map[string]string{"by-tag": image, "by-digest": registry + "/team/app@" + digest} {
		v.completed(t, v.job(t, name, reference, `{}`))
		if said := strings.Join(v.log(t, name), "\n"); !strings.Contains(said, `worker: uid=4711 gid=4712 arguments=["hello" "train"] greeting="from the image"`) && !strings.Contains(said, `worker: uid=4711 gid=4712 arguments=["hello"] greeting="from the image"`) {
			t.Errorf("%s said %s", name, said)
		}
	}
	if status, reason := v.settled(t, v.job(t, "gone", registry+"/team/app:9", `{}`)); status != "Failed" || !strings.HasSuffix(reason, "Requested image not found.") {
		t.Errorf("%s: %s", status, reason)
	}
	across(t, v, d, image, secret)
}

// across has another account use the repository as its policy says.
func across(t *testing.T, v *vpc, d *daemon, image, secret string) {
	t.Helper()
	if out, err := d.command("account", "create", "team", "--id", "444455556666").CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	team := d.internet().as("team")
	theirs := decoded(t, team.aws(t, "ecr", "get-authorization-token", "--query", "authorizationData[0].authorizationToken"))
	inspect := []string{"skopeo", "inspect", "--creds", theirs, "docker://" + image}
	if out, err := team.try(inspect...); err == nil || !strings.Contains(out, "denied") {
		t.Errorf("another account without a policy: %v %s", err, out)
	}
	d.internet().aws(t, "ecr", "set-repository-policy", "--repository-name", "team/app", "--query", "repositoryName", "--policy-text",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"444455556666"},"Action":["ecr:BatchGetImage","ecr:GetDownloadUrlForLayer","ecr:ListImages"]}]}`)
	team.must(t, inspect...)
	if out, err := team.try("skopeo", "delete", "--creds", theirs, "docker://"+image); err == nil {
		t.Errorf("another account deletes: %s", out)
	}
}

// TestLoadedImages trains images that an operator loaded from files.
func TestLoadedImages(t *testing.T) {
	t.Parallel()
	needProgram(t, "skopeo")
	d := own(t)
	v := d.vpc(t, "logs")
	d.provide(t)
	from := layout(t)
	archive := t.TempDir() + "/saved.tar"
	d.internet().must(t, "skopeo", "copy", "oci:"+from, "docker-archive:"+archive+":saved:2")
	for name, args := range map[string][]string{
		"mine:1": {from}, "saved:2": {archive}, "763104351884.dkr.ecr." + region + ".amazonaws.com/framework:1": {from, "763104351884.dkr.ecr." + region + ".amazonaws.com/framework:1"},
	} {
		out, err := d.command(append([]string{"image", "load"}, args...)...).CombinedOutput()
		if err != nil || !strings.Contains(string(out), name+" sha256:") {
			t.Fatalf("load: %v %s", err, out)
		}
		job := "loaded-" + strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
				return r
			}
			return '-'
		}, name)
		v.completed(t, v.job(t, job, name, `{}`))
	}
	if out, err := d.command("image", "remove", "mine:1").CombinedOutput(); err != nil {
		t.Fatalf("remove: %v %s", err, out)
	}
	out, err := d.command("image", "list").CombinedOutput()
	if err != nil || strings.Contains(string(out), "mine:1") || !strings.Contains(string(out), "saved:2 sha256:") {
		t.Errorf("list: %v %s", err, out)
	}
	if status, reason := v.settled(t, v.job(t, "removed", "mine:1", `{}`)); status != "Failed" || !strings.Contains(reason, "Cannot find the training image mine:1") {
		t.Errorf("%s: %s", status, reason)
	}
}
