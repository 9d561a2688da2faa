package diff

import (
	"encoding/base64"
	"strings"
	"testing"
)

// TestDiff66Layers: a layer's address is the registry's, which sends the bytes itself.
func TestDiff66Layers(t *testing.T) {
	const repository, data = "diff-66", "the bytes of a layer"
	root.json(t, "ecr", "CreateRepository", object{"repositoryName": repository}).good(t)
	id := root.json(t, "ecr", "InitiateLayerUpload", object{"repositoryName": repository}).object(t)["uploadId"]
	root.json(t, "ecr", "UploadLayerPart", object{"repositoryName": repository, "uploadId": id, "partFirstByte": 0, "partLastByte": len(data) - 1,
		"layerPartBlob": base64.StdEncoding.EncodeToString([]byte(data))}).good(t)
	layer := "sha256:" + digest(data)
	root.json(t, "ecr", "CompleteLayerUpload", object{"repositoryName": repository, "uploadId": id, "layerDigests": []string{layer}}).good(t)
	at, _ := root.json(t, "ecr", "GetDownloadUrlForLayer", object{"repositoryName": repository, "layerDigest": layer}).object(t)["downloadUrl"].(string)
	if !strings.HasPrefix(at, "https://"+account+".dkr.ecr."+region+".amazonaws.com/v2/"+repository+"/blobs/"+layer+"?") {
		t.Errorf("the address is %s", at)
	}
	if said, err := inside(t, []string{"--internet"}, "curl", "-s", "-w", " %{http_code}", at); err != nil || said != data+" 200" {
		t.Errorf("%v: %s", err, said)
	}
}
