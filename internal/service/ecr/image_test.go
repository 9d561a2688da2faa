package ecr_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"cloister/internal/door/doortest"
)

type identifier = map[string]any

func (c client) put(repository, tag string, p picture, more map[string]any) *doortest.Answer {
	in := map[string]any{"repositoryName": repository, "imageManifest": string(p.manifest)}
	if tag != "" {
		in["imageTag"] = tag
	}
	for k, v := range more {
		in[k] = v
	}
	return c.call("PutImage", in, nil)
}

func TestImagesArePutByTheAPI(t *testing.T) {
	w := open(t)
	w.root.create("app")
	img := paint(t, 1, nil)
	push(t, w.root, "app", "v1", img)
	in := " the repository with name 'app' in the registry with id '111122223333'"
	w.root.put("app", "v1", img, nil).Fault(t, 400, "ImageAlreadyExistsException",
		"Image with digest '"+img.digest()+"' and tag 'v1' already exists in the repository with name 'app' in registry with id '111122223333'")
	w.root.put("app", "", img, nil).Fault(t, 400, "ImageAlreadyExistsException",
		"Image with digest '"+img.digest()+"' and tag 'null' already exists in the repository with name 'app' in registry with id '111122223333'")
	w.root.put("app", "v2", img, map[string]any{"imageDigest": img.digest(), "imageManifestMediaType": img.kind}).Good(t) // only a tag more
	if a := w.root.put("app", "v3", img, map[string]any{"imageDigest": "sha256:" + strings.Repeat("0", 64)}); a.Code != "ImageDigestDoesNotMatchException" {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	new := paint(t, 1, nil)
	missing := []string{digestOf(new.blobs[0]), digestOf(new.blobs[1])}
	w.root.put("app", "v3", new, nil).Fault(t, 400, "LayersNotFoundException", "Layers with digests '["+strings.Join(missing, ", ")+"]' required for pushing image into repository with name 'app' in the registry with id '111122223333' do not exist")
	w.root.put("app", "v3", gather(t, new), nil).Fault(t, 400, "ReferencedImagesNotFoundException",
		"Images with digests '["+new.digest()+"]' required for pushing image into repository with name 'app' in the registry with id '111122223333' do not exist")
	w.root.put("none", "v1", img, nil).Fault(t, 400, "RepositoryNotFoundException", fmt.Sprintf(noRepository, "none"))
	w.root.call("DescribeImages", map[string]any{"repositoryName": "app", "imageIds": []identifier{{"imageTag": "v9"}}}, nil).Fault(t, 400, "ImageNotFoundException",
		"The image with imageId {imageDigest:'null', imageTag:'v9'} does not exist within"+in)
	w.root.call("DescribeImages", map[string]any{"repositoryName": "app", "imageIds": []identifier{{}}}, nil).Fault(t, 400, "InvalidParameterException",
		"Invalid request parameters: both tag and digest cannot be null")
	w.root.call("DescribeImages", map[string]any{"repositoryName": "app", "imageIds": []identifier{{"imageTag": "v1"}}, "maxResults": 1}, nil).Fault(t, 400, "InvalidParameterException",
		"Invalid request parameters: maxResults, nextToken and filter cannot be used with imageIds")
}

func TestImagesAreListed(t *testing.T) {
	w := open(t)
	w.root.create("app")
	p := w.root.password()
	bare, both := paint(t, 1, nil), paint(t, 1, nil)
	w.root.push(p, "app", bare.digest(), bare).Good(t)
	w.root.push(p, "app", "a", both).Good(t)
	w.root.push(p, "app", "b", both).Good(t)
	type found struct {
		ImageIds  []struct{ ImageDigest, ImageTag string }
		NextToken string
	}
	for status, want := range map[string]int{"": 3, "TAGGED": 2, "UNTAGGED": 1, "ANY": 3} {
		in := map[string]any{"repositoryName": "app", "maxResults": 1}
		if status != "" {
			in["filter"] = map[string]any{"tagStatus": status}
		}
		n := 0
		for range 5 {
			var out found
			w.root.call("ListImages", in, &out)
			n += len(out.ImageIds)
			if in["nextToken"] = out.NextToken; out.NextToken == "" {
				break
			}
		}
		if n != want {
			t.Errorf("%s: %d", status, n)
		}
		delete(in, "nextToken")
		delete(in, "maxResults")
		var described struct {
			ImageDetails []struct{ ImageTags []string }
		}
		w.root.call("DescribeImages", in, &described)
		if images := map[string]int{"": 2, "TAGGED": 1, "UNTAGGED": 1, "ANY": 2}[status]; len(described.ImageDetails) != images {
			t.Errorf("%s: %+v", status, described)
		}
	}
}

func TestImagesAreReadAndDeletedInBatches(t *testing.T) {
	w := open(t)
	w.root.create("app")
	p := w.root.password()
	one, two := paint(t, 1, nil), paint(t, 1, nil)
	for tag, img := range map[string]picture{"a": one, "b": one, "c": two} {
		w.root.push(p, "app", tag, img).Good(t)
	}
	var out struct {
		Images []struct {
			ImageManifest string
			ImageId       struct{ ImageDigest, ImageTag string }
		}
		ImageIds []struct{ ImageDigest, ImageTag string }
		Failures []struct{ FailureCode string }
	}
	ids := []identifier{{"imageTag": "a"}, {"imageDigest": two.digest()}, {"imageTag": "z"}, {}, {"imageDigest": "x"}, {"imageDigest": one.digest(), "imageTag": "c"}}
	w.root.call("BatchGetImage", map[string]any{"repositoryName": "app", "imageIds": ids}, &out)
	if len(out.Images) != 2 || out.Images[0].ImageManifest != string(one.manifest) || out.Images[0].ImageId.ImageTag != "a" ||
		fmt.Sprint(out.Failures) != "[{ImageNotFound} {MissingDigestAndTag} {InvalidImageDigest} {ImageTagDoesNotMatchDigest}]" {
		t.Errorf("%+v", out)
	}
	out.Images, out.Failures = nil, nil
	if w.root.call("BatchGetImage", map[string]any{"repositoryName": "app", "imageIds": ids[:1], "acceptedMediaTypes": []string{ociList}}, &out); len(out.Images) != 0 || len(out.Failures) != 1 {
		t.Errorf("of another type: %+v", out)
	}
	large := paint(t, 1, map[string]any{"annotations": map[string]string{"x": strings.Repeat("x", 1<<20)}})
	w.root.push(p, "app", "large", large).Good(t)
	often := slices.Repeat([]identifier{{"imageTag": "large"}}, 17)
	if a := w.root.call("BatchGetImage", map[string]any{"repositoryName": "app", "imageIds": often}, nil); a.Code != "InvalidParameterException" {
		t.Errorf("an answer of 17 MB: %d %.200s", a.Status, a.Body)
	}
	w.root.call("BatchGetImage", map[string]any{"repositoryName": "app", "imageIds": often[:15]}, &out)
	w.root.call("BatchDeleteImage", map[string]any{"repositoryName": "app", "imageIds": often[:1]}, nil).Good(t)
	out.Failures = nil
	left := func() (tags []string) {
		var out struct{ ImageIds []struct{ ImageTag string } }
		w.root.call("ListImages", map[string]any{"repositoryName": "app"}, &out)
		for _, i := range out.ImageIds {
			tags = append(tags, i.ImageTag)
		}
		slices.Sort(tags)
		return tags
	}
	remove := func(want string, ids ...identifier) {
		t.Helper()
		out.ImageIds, out.Failures = nil, nil
		w.root.call("BatchDeleteImage", map[string]any{"repositoryName": "app", "imageIds": ids}, &out)
		if got := fmt.Sprint(left(), len(out.ImageIds), out.Failures); got != want {
			t.Errorf("%v: %s, want %s", ids, got, want)
		}
	}
	remove("[a b c] 0 [{ImageTagDoesNotMatchDigest}]", identifier{"imageDigest": one.digest(), "imageTag": "c"})
	remove("[b c] 1 []", identifier{"imageDigest": one.digest(), "imageTag": "a"})
	remove("[c] 1 []", identifier{"imageTag": "b"}) // its last tag, so the image goes
	if a := w.root.ask("GET", "/v2/app/manifests/"+one.digest(), p, ""); a.Status != 404 {
		t.Errorf("an image without tags stays: %d", a.Status)
	}
	w.root.push(p, "app", "d", two).Good(t)
	remove("[] 2 []", identifier{"imageDigest": two.digest()})
	remove("[] 0 [{ImageNotFound}]", identifier{"imageDigest": two.digest()})
}
