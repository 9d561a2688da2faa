package algorithm

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"cloister/demo/digits"
	"cloister/internal/engine/kmeans"
)

// group is the hosts of one job, each with a place of its own.
type group struct {
	places  []*place
	address string
}

func newGroup(t *testing.T, hosts int, hyperparameters map[string]string, distribution string) *group {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &group{address: listener.Addr().String()}
	listener.Close()
	var names []string
	for i := range hosts {
		names = append(names, fmt.Sprintf("algo-%d", i+1))
	}
	for _, name := range names {
		p := newPlace(t)
		p.job(hyperparameters, map[string]input{"train": {"File", csvWithoutLabel}})
		channel := map[string]string{"TrainingInputMode": "File", "S3DistributionType": distribution, "RecordWrapperType": "None", "ContentType": csvWithoutLabel}
		p.configure("inputdataconfig", map[string]any{"train": channel, "test": channel})
		p.configure("resourceconfig", map[string]any{"current_host": name, "hosts": names, "network_interface_name": "eth0"})
		g.places = append(g.places, p)
	}
	return g
}

// run runs all hosts at once and gives their exit codes.
func (g *group) run() []int {
	codes := make([]int, len(g.places))
	var wait sync.WaitGroup
	for i, place := range g.places {
		wait.Go(func() {
			program := place.program()
			program.address = func(string) string { return g.address }
			codes[i] = program.run(place.t.Context(), []string{"kmeans", "train"})
		})
	}
	wait.Wait()
	return codes
}

func TestHostsTrainOneModelTogether(t *testing.T) {
	g := newGroup(t, 3, map[string]string{"k": "10", "feature_dim": "64", "epochs": "2", "mini_batch_size": "200", "eval_metrics": `["msd","ssd"]`}, "ShardedByS3Key")
	lines := bytes.SplitAfter(digits.CSV(), []byte("\n"))
	for i, cut := range [][2]int{{0, 500}, {500, len(lines)}} { // the third host has no object
		g.places[i].write("input/data/train/a", bytes.Join(lines[cut[0]:cut[1]], nil))
		g.places[i].write("input/data/test/a", bytes.Join(lines[cut[0]:cut[1]], nil))
	}
	for i, code := range g.run() {
		if code != 0 {
			t.Fatalf("host %d: exit code %d\n%s", i+1, code, &g.places[i].out)
		}
	}
	model := g.places[0].model()
	evaluation, err := model.Evaluate(&rowsOf{digitRows(), model.Dim})
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("host=algo-1, test ssd <loss>=%v", evaluation.Metric(kmeans.SumOfSquareDistance))
	if got := g.places[0].out.String(); !strings.Contains(got, want[:len(want)-6]) {
		t.Errorf("no %s in\n%s", want, got)
	}
	if msd := evaluation.Metric(kmeans.MeanSquareDistance); msd > 800 {
		t.Errorf("mean square distance %v", msd)
	}
	for i, p := range g.places[1:] {
		if _, err := os.Stat(filepath.Join(p.root, "model/model_"+fmt.Sprintf("algo-%d", i+2))); err == nil {
			t.Errorf("host %d wrote a model too", i+2)
		}
		if text := p.out.String(); strings.Contains(text, "test ssd") || !strings.Contains(text, fmt.Sprintf("#progress_metric: host=algo-%d, completed 100.0 %%", i+2)) {
			t.Errorf("the log of host %d:\n%s", i+2, text)
		}
	}
}

func TestAHostsFailureIsEveryonesWithItsReason(t *testing.T) {
	g := newGroup(t, 3, map[string]string{"k": "2", "feature_dim": "1"}, "FullyReplicated")
	for i, p := range g.places {
		data := "0\n2\n10\n12\n"
		if i == 1 {
			data = "0\nx\n"
		}
		p.write("input/data/train/a", []byte(data))
	}
	for i, code := range g.run() {
		failure := g.places[i].read("output/failure")
		if code != 1 || !strings.HasPrefix(failure, "Customer Error: Unable to read data channel 'train'.") || i != 1 && !strings.HasSuffix(failure, "(on algo-2)") {
			t.Errorf("host %d: exit code %d, failure %q", i+1, code, failure)
		}
	}
}

func TestHostsWithOtherHyperparametersDoNotMix(t *testing.T) {
	g := newGroup(t, 2, map[string]string{"k": "2", "feature_dim": "1"}, "FullyReplicated")
	g.places[1].configure("hyperparameters", map[string]string{"k": "3", "feature_dim": "1"})
	for _, p := range g.places {
		p.write("input/data/train/a", []byte("0\n2\n10\n12\n"))
	}
	for i, code := range g.run() {
		if failure := g.places[i].read("output/failure"); code != 1 || !strings.Contains(failure, "is at another step") {
			t.Errorf("host %d: exit code %d, failure %q", i+1, code, failure)
		}
	}
}

// Whoever else connects to the first host is turned away, and the job goes on.
func TestStrangersDoNotJoin(t *testing.T) {
	g := newGroup(t, 2, map[string]string{"k": "2", "feature_dim": "1"}, "FullyReplicated")
	for _, p := range g.places {
		p.write("input/data/train/a", []byte("0\n2\n10\n12\n"))
		p.write("input/data/test/a", []byte("1\n"))
	}
	late := g.places[1]
	g.places = g.places[:1]
	first := make(chan []int, 1)
	go func() { first <- g.run() }()
	for _, hello := range []string{"GET / HTTP/1.1\r\n\r\n", "smck\x00\x00\x00\x00\x02\x00\x00\x00", "smck\x05\x00\x00\x00\x02\x00\x00\x00"} {
		conn := dialSoon(t, g.address)
		conn.Write([]byte(hello))
		if n, err := conn.Read(make([]byte, 1)); err == nil {
			t.Errorf("%q was answered with %d bytes", hello, n)
		}
		conn.Close()
	}
	second := (&group{places: []*place{late}, address: g.address}).run()
	if codes := append(<-first, second...); codes[0] != 0 || codes[1] != 0 {
		t.Errorf("exit codes %v\n%s\n%s", codes, &g.places[0].out, &late.out)
	}
}

func TestWhoDoesNotComeIsNamed(t *testing.T) {
	g := newGroup(t, 3, map[string]string{"k": "2", "feature_dim": "1"}, "FullyReplicated")
	first, second := g.places[0], g.places[1]
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	var wait sync.WaitGroup
	for _, p := range []*place{first, second} {
		p.write("input/data/train/a", []byte("0\n2\n10\n12\n"))
		wait.Go(func() {
			program := p.program()
			program.address = func(string) string { return g.address }
			if code := program.run(ctx, []string{"kmeans", "train"}); code != 1 {
				t.Errorf("exit code %d", code)
			}
		})
	}
	wait.Wait()
	for _, p := range []*place{first, second} {
		if failure := p.read("output/failure"); !strings.HasPrefix(failure, "Algorithm Error: [algo-3] did not come to ") || !strings.Contains(failure, "needs a rule that lets itself in") {
			t.Errorf("failure %q", failure)
		}
	}
}

func dialSoon(t *testing.T, address string) net.Conn {
	t.Helper()
	for {
		conn, err := net.Dial("tcp4", address)
		if err == nil {
			return conn
		}
		select {
		case <-t.Context().Done():
			t.Fatal(err)
		case <-time.After(time.Millisecond):
		}
	}
}

func TestAHostThatIsNotOfTheJob(t *testing.T) {
	g := newGroup(t, 2, map[string]string{"k": "2", "feature_dim": "1"}, "FullyReplicated")
	g.places = g.places[:1]
	g.places[0].configure("resourceconfig", map[string]any{"current_host": "algo-9", "hosts": []string{"algo-1", "algo-2"}})
	if codes := g.run(); codes[0] != 1 || !strings.Contains(g.places[0].read("output/failure"), `"algo-9" is not among the hosts`) {
		t.Errorf("%v: %s", codes, &g.places[0].out)
	}
}

func digitRows() []float32 {
	features, _ := digits.Load()
	var rows []float32
	for _, row := range features {
		rows = append(rows, row...)
	}
	return rows
}

// rowsOf is a kmeans.Source that is read once.
type rowsOf struct {
	rows []float32
	dim  int
}

func (r *rowsOf) Read(rows []float32) (int, error) {
	n := copy(rows, r.rows)
	r.rows = r.rows[n:]
	if n == 0 {
		return 0, io.EOF
	}
	return n / r.dim, nil
}

func (r *rowsOf) Restart() error { return nil }
