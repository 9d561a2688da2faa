package algorithm

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloister/internal/engine/kmeans"
	"cloister/internal/engine/recordio"
)

// corners has centers (0,0), (10,0) and (0,10).
var corners = kmeans.Model{K: 3, Dim: 2, Centers: []float32{0, 0, 10, 0, 0, 10}}

// served runs an endpoint until the test ends and gives its address.
func served(t testing.TB, model kmeans.Model) string {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	p := program{out: io.Discard, env: os.Getenv, now: time.Now}
	go func() { done <- p.serveOn(ctx, listener, model) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return "http://" + listener.Addr().String()
}

func post(t testing.TB, address, contentType, accept, body string) (int, string, string) {
	t.Helper()
	request, err := http.NewRequest(http.MethodPost, address+"/invocations", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	if accept != "" {
		request.Header.Set("Accept", accept)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header.Get("Content-Type"), string(answer)
}

func TestInvocations(t *testing.T) {
	address := served(t, corners)
	const asJSON = `{"predictions":[{"closest_cluster":1.0,"distance_to_cluster":5.0},{"closest_cluster":2.0,"distance_to_cluster":0.5}]}`
	var records []byte
	for _, row := range [][]float32{{7, 4}, {0, 10.5}} {
		records = recordio.AppendFrame(records, recordio.Append(nil, recordio.Record{
			Features: map[string]recordio.Tensor{recordio.ValuesKey: {Kind: recordio.Float32, Float32s: row}}}))
	}
	for _, c := range []struct{ contentType, accept, body, answerType, answer string }{
		{"text/csv", "", "7,4\n0,10.5\n", "application/json", asJSON},
		{"text/csv;label_size=1", "application/json", "1,7,4\n1,0,10.5\n", "application/json", asJSON},
		{"application/json", "*/*", `{"instances":[{"features":[7,4]},{"data":{"features":{"values":[0,10.5]}}}]}`, "application/json", asJSON},
		{"application/jsonlines", "application/json; verbose=true", "{\"features\":[7,4]}\n{\"features\":[0,10.5]}", "application/json", asJSON},
		{"application/x-recordio-protobuf", "image/png, application/json", string(records), "application/json", asJSON},
		{"text/csv", "text/csv", "7,4", "text/csv", "1.0,5.0\n"},
		{"text/csv", "application/jsonlines", "7,4", "application/jsonlines", "{\"closest_cluster\":1.0,\"distance_to_cluster\":5.0}\n"},
	} {
		status, answerType, answer := post(t, address, c.contentType, c.accept, c.body)
		if status != 200 || answerType != c.answerType || answer != c.answer {
			t.Errorf("%s, accept %q: %d %s %s", c.contentType, c.accept, status, answerType, answer)
		}
	}
}

func TestInvocationsInRecordIO(t *testing.T) {
	address := served(t, corners)
	status, answerType, answer := post(t, address, "text/csv", "application/x-recordio-protobuf", "7,4")
	payload, err := recordio.NewReader(strings.NewReader(answer)).Next()
	if status != 200 || answerType != "application/x-recordio-protobuf" || err != nil {
		t.Fatal(status, answerType, err)
	}
	record, err := recordio.Unmarshal(payload)
	want := recordio.Record{Label: map[string]recordio.Tensor{
		"closest_cluster":     {Kind: recordio.Float32, Float32s: []float32{1}},
		"distance_to_cluster": {Kind: recordio.Float32, Float32s: []float32{5}},
	}}
	if diff := cmp.Diff(want, record); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

func TestInvocationsRefused(t *testing.T) {
	address := served(t, corners)
	for _, c := range []struct {
		contentType, accept, body string
		status                    int
		want                      string
	}{
		{"", "", "1,2", 415, "Content-Type header value '' not supported"},
		{"application/octet-stream", "", "1,2", 415, "Content-Type header value 'application/octet-stream' not supported"},
		{"text/csv", "image/png", "1,2", 406, "Accept header value 'image/png' not supported"},
		{"text/csv", "", "1,2,3", 400, "unable to evaluate payload provided: row 1: the row has 3 features, feature_dim is 2"},
		{"text/csv", "", "a,b", 400, "unable to evaluate payload provided"},
		{"application/json", "", "{", 400, "unable to evaluate payload provided"},
		{"application/x-recordio-protobuf", "", "1,2", 400, "unable to evaluate payload provided"},
	} {
		status, _, answer := post(t, address, c.contentType, c.accept, c.body)
		if status != c.status || !strings.Contains(answer, c.want) {
			t.Errorf("%s %q: %d %s", c.contentType, c.body, status, answer)
		}
		if status, _, answer := post(t, address, "text/csv", "text/csv", "1,2"); status != 200 || answer != "0.0,2.2360680103302\n" {
			t.Errorf("after it: %d %s", status, answer)
		}
	}
}

func TestOtherPaths(t *testing.T) {
	address := served(t, corners)
	for path, want := range map[string]int{"/ping": 200, "/execution-parameters": 200, "/invocations": 405, "/": 404, "/models": 404} {
		response, err := http.Get(address + path)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("GET %s: %d", path, response.StatusCode)
		}
		if path != "/execution-parameters" {
			continue
		}
		var parameters struct {
			MaxConcurrentTransforms, MaxPayloadInMB int
			BatchStrategy                           string
		}
		if err := json.Unmarshal(body, &parameters); err != nil || parameters.MaxConcurrentTransforms < 1 || parameters.MaxPayloadInMB != 6 || parameters.BatchStrategy != "MULTI_RECORD" {
			t.Errorf("%s, %v", body, err)
		}
	}
	response, err := http.Post(address+"/ping", "text/plain", nil)
	if err != nil || response.StatusCode != 405 {
		t.Errorf("POST /ping: %v, %v", response.StatusCode, err)
	}
}

func TestConcurrentInvocationsKeepTheirAnswers(t *testing.T) {
	address := served(t, corners)
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for i := range 50 {
				cluster, rows := (worker+i)%3, 1+(worker+i)%5
				row := fmt.Sprintf("%v,%v\n", corners.Center(cluster)[0], corners.Center(cluster)[1])
				_, _, answer := post(t, address, "text/csv", "text/csv", strings.Repeat(row, rows))
				if want := strings.Repeat(fmt.Sprintf("%d.0,0.0\n", cluster), rows); answer != want {
					t.Errorf("got %q, want %q", answer, want)
				}
			}
		})
	}
	group.Wait()
}

func TestServeNeedsAModel(t *testing.T) {
	for name, data := range map[string][]byte{"none": nil, "damaged": []byte("PK\x03\x04")} {
		p := newPlace(t)
		if data != nil {
			p.write("model/model_algo-1", data)
		}
		if code := p.run("serve"); code != 1 || !strings.Contains(p.out.String(), "load the model: ") {
			t.Errorf("%s: exit code %d\n%s", name, code, &p.out)
		}
		if _, err := os.Stat(filepath.Join(p.root, "output")); err == nil {
			t.Errorf("%s: serve wrote below output", name)
		}
	}
}

// The whole program, as the platform runs it: its own process, its port from the environment, SIGTERM.
func TestServeAsAProcess(t *testing.T) {
	p := newPlace(t)
	p.write("model/model_algo-1", corners.Encode())
	free, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(free.Addr().String())
	free.Close()
	command := exec.CommandContext(t.Context(), os.Args[0])
	command.Env = append(os.Environ(), "ALGORITHM_TEST_ARGS=kmeans serve", "SAGEMAKER_BASE_DIR="+p.root, "SAGEMAKER_BIND_TO_PORT="+port)
	var output bytes.Buffer
	command.Stdout = &output
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	address := "http://127.0.0.1:" + port
	waitForPing(t, address)
	if status, _, answer := post(t, address, "text/csv", "text/csv", "10,0"); status != 200 || answer != "1.0,0.0\n" {
		t.Errorf("%d %s", status, answer)
	}
	if err := command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := command.Wait(); err != nil {
		t.Errorf("%v\n%s", err, &output)
	}
	if _, err := net.Dial("tcp4", "127.0.0.1:"+port); err == nil {
		t.Error("it still listens after SIGTERM")
	}
}

func waitForPing(t *testing.T, address string) {
	t.Helper()
	for range 500 {
		if response, err := http.Get(address + "/ping"); err == nil {
			response.Body.Close()
			if response.StatusCode == 200 {
				return
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("no answer to /ping")
}

func BenchmarkInvoke(b *testing.B) {
	model := kmeans.Model{K: 10, Dim: 64, Centers: make([]float32, 640)}
	address := served(b, model)
	body := strings.TrimSuffix(strings.Repeat("12.25,", 64), ",")
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			post(b, address, "text/csv", "", body)
		}
	})
}
