package snapshots

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"cloister/internal/engine/wire"
	"cloister/internal/value/shape/ec2"
	"cloister/internal/value/shape/iam"
	"cloister/internal/value/shape/logs"
	"cloister/internal/value/shape/s3"
	"cloister/internal/value/shape/sagemaker"
	"cloister/internal/value/shape/sagemakerruntime"
	"cloister/internal/value/shape/sts"
)

// modules are the SDK's releases that are examined.
var modules = []struct {
	service, module string
	types           func(operation string) (input, output any)
	// least is how many operations of the release we must know.
	least int
}{
	{"sagemaker", "sagemaker@v1.286.1", sagemaker.New, 396},
	{"sagemakerruntime", "sagemakerruntime@v1.50.0", sagemakerruntime.New, 2},
	{"ec2", "ec2@v1.344.0", ec2.New, 157},
	{"iam", "iam@v1.64.6", iam.New, 176},
	{"sts", "sts@v1.51.6", sts.New, 11},
	{"s3", "s3@v1.114.6", s3.New, 98},
	{"logs", "cloudwatchlogs@v1.91.0", logs.New, 111},
}

// folder fetches a module and gives where it lies. The test is skipped where modules cannot be had.
func folder(t *testing.T, module string) string {
	t.Helper()
	c := exec.Command("go", "mod", "download", "-json", "github.com/aws/aws-sdk-go-v2/service/"+module)
	c.Dir = t.TempDir() // outside any module, so that nothing is written to one
	out, err := c.Output()
	var m struct{ Dir, Error string }
	if jsonErr := json.Unmarshal(out, &m); jsonErr != nil || m.Dir == "" {
		t.Skipf("the SDK's module %s cannot be fetched here: %v %s", module, err, m.Error)
	}
	return m.Dir
}

// snapshot is one file: a first line, headers, a body.
type snapshot struct {
	operation, first string
	header           http.Header
	body             []byte
}

func snapshots(t *testing.T, dir, ending string) []snapshot {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"+ending))
	if err != nil {
		t.Fatal(err)
	}
	var all []snapshot
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		first, rest, _ := strings.Cut(string(b), "\n")
		rest = strings.TrimPrefix(rest, "\n")
		head, body, _ := strings.Cut(rest, "\n\n")
		h, err := textproto.NewReader(bufio.NewReader(strings.NewReader(head + "\n\n"))).ReadMIMEHeader()
		if err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		all = append(all, snapshot{strings.TrimSuffix(filepath.Base(f), ending), first, http.Header(h), []byte(body)})
	}
	return all
}

// request makes the request of a snapshot as a server would have met it.
func (s snapshot) request(bucket bool) *wire.Request {
	method, uri, _ := strings.Cut(s.first, " ")
	path, query, _ := strings.Cut(uri, "?")
	if bucket {
		path = "/__Bucket__" + path // the SDK puts the bucket in the host's name
	}
	// The SDK types these as texts, though S3 takes numbers only.
	query = strings.Replace(query, "part-number-marker=__PartNumberMarker__", "part-number-marker=1", 1)
	if s.header.Get("X-Amz-Part-Number-Marker") != "" {
		s.header.Set("X-Amz-Part-Number-Marker", "1")
	}
	return &wire.Request{Method: method, Path: path, RawQuery: query, Header: s.header, Bytes: s.body, Length: int64(len(s.body))}
}
