package ecr_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"cloister/internal/door/doortest"
)

const noRepository = "The repository with name '%s' does not exist in the registry with id '" + doortest.Account + "'"

func TestRepositories(t *testing.T) {
	w := open(t)
	c := w.root
	var made struct {
		Repository struct {
			RepositoryArn, RegistryId, RepositoryUri, ImageTagMutability string
			CreatedAt                                                    float64
		}
	}
	c.call("CreateRepository", map[string]any{"repositoryName": "team/app", "imageTagMutability": "IMMUTABLE"}, &made)
	if r := made.Repository; r.RepositoryArn != "arn:aws:ecr:us-east-1:111122223333:repository/team/app" || r.RegistryId != doortest.Account ||
		r.RepositoryUri != host+"/team/app" || r.ImageTagMutability != "IMMUTABLE" || r.CreatedAt == 0 {
		t.Errorf("%+v", r)
	}
	c.call("CreateRepository", map[string]any{"repositoryName": "team/app"}, nil).Fault(t, 400, "RepositoryAlreadyExistsException",
		"The repository with name 'team/app' already exists in the registry with id '111122223333'")
	for name, want := range map[string]string{
		"Big": "must satisfy regular expression '[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*(\\/[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*)*'",
		"a":   "must have length greater than or equal to 2",
	} {
		c.call("CreateRepository", map[string]any{"repositoryName": name}, nil).Fault(t, 400, "InvalidParameterException",
			"Invalid parameter at 'repositoryName' failed to satisfy constraint: '"+want+"'")
	}
	for _, in := range []map[string]any{
		{"imageScanningConfiguration": map[string]any{"scanOnPush": true}},
		{"encryptionConfiguration": map[string]any{"encryptionType": "KMS"}},
		{"imageTagMutability": "IMMUTABLE_WITH_EXCLUSION"},
		{"imageTagMutabilityExclusionFilters": []any{map[string]any{"filterType": "WILDCARD", "filter": "a*"}}},
		{"imageTagMutability": "MUTABLE_WITH_EXCLUSION", "imageTagMutabilityExclusionFilters": []any{map[string]any{"filterType": "WILDCARD", "filter": "a*b*c*"}}},
	} {
		in["repositoryName"] = "refused"
		if a := c.call("CreateRepository", in, nil); a.Code != "InvalidParameterException" {
			t.Errorf("%v: %d %s", in, a.Status, a.Body)
		}
	}
	c.call("DeleteRepository", map[string]any{"repositoryName": "team/app"}, nil).Good(t)
	c.call("DeleteRepository", map[string]any{"repositoryName": "team/app"}, nil).Fault(t, 400, "RepositoryNotFoundException", fmt.Sprintf(noRepository, "team/app"))
}

func TestRepositoriesAreDescribedInPages(t *testing.T) {
	w := open(t)
	for i := range 5 {
		w.root.create(fmt.Sprintf("r%d", i))
	}
	type answer struct {
		Repositories []struct{ RepositoryName string }
		NextToken    string
	}
	var got []string
	in := map[string]any{"maxResults": 2}
	for pages := 0; ; pages++ {
		var out answer
		w.root.call("DescribeRepositories", in, &out)
		for _, r := range out.Repositories {
			got = append(got, r.RepositoryName)
		}
		if in["nextToken"] = out.NextToken; out.NextToken == "" || pages > 5 {
			break
		}
	}
	if strings.Join(got, " ") != "r0 r1 r2 r3 r4" {
		t.Error(got)
	}
	var out answer
	if w.root.call("DescribeRepositories", map[string]any{"repositoryNames": []string{"r3", "r1"}}, &out); len(out.Repositories) != 2 || out.Repositories[0].RepositoryName != "r3" {
		t.Error(out)
	}
	w.root.call("DescribeRepositories", map[string]any{"repositoryNames": []string{"r3", "zz"}}, nil).Fault(t, 400, "RepositoryNotFoundException", fmt.Sprintf(noRepository, "zz"))
	w.root.call("DescribeRepositories", map[string]any{"repositoryNames": []string{"r3"}, "maxResults": 1}, nil).Fault(t, 400, "InvalidParameterException",
		"Invalid request parameters: maxResults and nextToken cannot be used with repositoryNames")
	w.root.call("DescribeRepositories", map[string]any{"nextToken": "!"}, nil).Fault(t, 400, "InvalidParameterException",
		"Invalid parameter at 'nextToken' failed to satisfy constraint: 'Invalid next token'")
}

func TestOneOfManyMakesARepository(t *testing.T) {
	w := open(t)
	var wg sync.WaitGroup
	codes := make([]string, 8)
	for i := range codes {
		wg.Go(func() { codes[i] = w.root.call("CreateRepository", map[string]any{"repositoryName": "one"}, nil).Code })
	}
	wg.Wait()
	if n := strings.Count(strings.Join(codes, ""), "RepositoryAlreadyExistsException"); n != len(codes)-1 {
		t.Error(codes)
	}
}

// Every operation is asked by somebody who may do nothing.
func TestWhoMayDoNothingIsToldWhatIsMissing(t *testing.T) {
	w := open(t)
	w.root.create("mine")
	nobody := w.user(t, "nobody", "sts:GetCallerIdentity")
	digest := "sha256:" + strings.Repeat("0", 64)
	upload := "00000000-0000-0000-0000-000000000000"
	id := []any{map[string]any{"imageTag": "v1"}}
	arn := "arn:aws:ecr:us-east-1:111122223333:repository/mine"
	for op, in := range map[string]map[string]any{
		"CreateRepository": {}, "DeleteRepository": {}, "DescribeImages": {}, "ListImages": {}, "BatchGetImage": {"imageIds": id}, "BatchDeleteImage": {"imageIds": id},
		"PutImage": {"imageManifest": "{}"}, "PutImageTagMutability": {"imageTagMutability": "MUTABLE"}, "BatchCheckLayerAvailability": {"layerDigests": []string{digest}},
		"GetDownloadUrlForLayer": {"layerDigest": digest}, "InitiateLayerUpload": {}, "UploadLayerPart": {"uploadId": upload, "partFirstByte": 0, "partLastByte": 0, "layerPartBlob": "AA=="},
		"CompleteLayerUpload": {"uploadId": upload, "layerDigests": []string{digest}}, "SetRepositoryPolicy": {"policyText": "{}"}, "GetRepositoryPolicy": {},
		"DeleteRepositoryPolicy": {}, "PutLifecyclePolicy": {"lifecyclePolicyText": strings.Repeat(" ", 100)}, "GetLifecyclePolicy": {}, "DeleteLifecyclePolicy": {},
		"TagResource": {"resourceArn": arn, "tags": []any{map[string]any{"Key": "a", "Value": "b"}}}, "UntagResource": {"resourceArn": arn, "tagKeys": []string{"a"}},
		"ListTagsForResource": {"resourceArn": arn},
	} {
		if in["resourceArn"] == nil {
			in["repositoryName"] = "mine"
		}
		nobody.call(op, in, nil).Fault(t, 400, "AccessDeniedException", "User: arn:aws:iam::111122223333:user/nobody is not authorized to perform: ecr:"+op+
			" on resource: "+arn+" because no identity-based policy allows the ecr:"+op+" action")
	}
	nobody.call("GetAuthorizationToken", map[string]any{}, nil).Fault(t, 400, "AccessDeniedException",
		"User: arn:aws:iam::111122223333:user/nobody is not authorized to perform: ecr:GetAuthorizationToken on resource: * because no identity-based policy allows the ecr:GetAuthorizationToken action")
	nobody.call("DescribeRepositories", map[string]any{}, nil).Fault(t, 400, "AccessDeniedException",
		"User: arn:aws:iam::111122223333:user/nobody is not authorized to perform: ecr:DescribeRepositories on resource: arn:aws:ecr:us-east-1:111122223333:repository/* because no identity-based policy allows the ecr:DescribeRepositories action")
}

func TestTagsOfRepositoriesDecide(t *testing.T) {
	w := open(t)
	if err := w.ecr.WatchTags(t.Context(), doortest.Region, w.Directory.SetTags); err != nil {
		t.Fatal(err)
	}
	arn := "arn:aws:ecr:us-east-1:111122223333:repository/tagged"
	w.root.call("CreateRepository", map[string]any{"repositoryName": "tagged", "tags": []any{map[string]any{"Key": "team", "Value": "red"}}}, nil).Good(t)
	red := w.as(t, w.User(t, "red", doortest.AllowIf(`{"StringEquals":{"ecr:ResourceTag/team":"red"}}`, "ecr:ListImages")))
	list := map[string]any{"repositoryName": "tagged"}
	red.call("ListImages", list, nil).Good(t)
	w.root.call("TagResource", map[string]any{"resourceArn": arn, "tags": []any{map[string]any{"Key": "team", "Value": "blue"}, map[string]any{"Key": "x", "Value": ""}}}, nil).Good(t)
	if a := red.call("ListImages", list, nil); a.Code != "AccessDeniedException" {
		t.Errorf("after the tag changed: %d", a.Status)
	}
	w.root.call("UntagResource", map[string]any{"resourceArn": arn, "tagKeys": []string{"x", "none"}}, nil).Good(t)
	var out struct{ Tags []struct{ Key, Value string } }
	if w.root.call("ListTagsForResource", map[string]any{"resourceArn": arn}, &out); fmt.Sprint(out.Tags) != "[{team blue}]" {
		t.Error(out.Tags)
	}
	many := []any{}
	for i := range 50 {
		many = append(many, map[string]any{"Key": fmt.Sprint(i), "Value": ""})
	}
	w.root.call("TagResource", map[string]any{"resourceArn": arn, "tags": many}, nil).Fault(t, 400, "TooManyTagsException", "A repository can have at most 50 tags.")
	w.root.call("TagResource", map[string]any{"resourceArn": arn, "tags": []any{map[string]any{"Key": "aws:x", "Value": ""}}}, nil).
		Fault(t, 400, "InvalidTagParameterException", "Tag keys that begin with 'aws:' are reserved for system use.")
	twice := []any{map[string]any{"Key": "TEAM", "Value": "blue"}, map[string]any{"Key": "team", "Value": "red"}}
	w.root.call("TagResource", map[string]any{"resourceArn": arn, "tags": twice}, nil).
		Fault(t, 400, "InvalidTagParameterException", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
	// A policy about the repository says nothing of such a name.
	w.root.call("TagResource", map[string]any{"resourceArn": strings.Replace(arn, "aws", "aws-cn", 1), "tags": twice[:1]}, nil).Fault(t, 400, "InvalidParameterException",
		"Invalid parameter at 'resourceArn' failed to satisfy constraint: 'Invalid ARN'")
	w.root.call("ListTagsForResource", map[string]any{"resourceArn": "arn:aws:s3:::bucket"}, nil).Fault(t, 400, "InvalidParameterException",
		"Invalid parameter at 'resourceArn' failed to satisfy constraint: 'Invalid ARN'")
	only := w.user(t, "only", "ecr:CreateRepository")
	if a := only.call("CreateRepository", map[string]any{"repositoryName": "more", "tags": many[:1]}, nil); !strings.Contains(a.Text, "ecr:TagResource") {
		t.Errorf("tags at creation: %d %s", a.Status, a.Text)
	}
}
