package compat

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestContract has containers of every kind write down what they were given, and compares that with AWS's contract: a
// row of it is a subtest. docs/contract.md lists all rows, those that other tests prove too.
func TestContract(t *testing.T) {
	t.Parallel()
	needRoot(t)
	d, err := newDaemon()
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(d.data, "config.yaml"), []byte("compiler_image: "+recorder+"\ninstance_types:\n  ml.c5.xlarge: {cpus: 1, memory: 0.125}\n"))
	d.run(t)
	v := d.vpc(t)
	d.provide(t)
	v.permit(t, v.group, "7077")
	d.iam(t, "PutRolePolicy", "RoleName", "execution", "PolicyName", "checkpoints", "PolicyDocument",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:DeleteObject","Resource":"arn:aws:s3:::`+bucket+`/*"}]}`)
	provideContract(t, d)
	from := layoutOf(t, "recorder", map[string]any{
		"Entrypoint": []string{"/recorder", "of-the-entrypoint"}, "Cmd": []string{"of-the-command"}, "User": "trainer", "WorkingDir": "/etc",
		"Env": []string{"GREETING=of the image", "COLOUR=of the image"},
	})
	if out, err := d.command("image", "load", from).CombinedOutput(); err != nil {
		t.Fatalf("load: %v %s", err, out)
	}
	c := &contract{vpc: v, read: map[string]*evidence{}}
	c.host(t)
	c.tune(t)
	c.compile(t)
	c.train(t)
	c.process(t)
	t.Run("limits", func(t *testing.T) {
		for _, l := range limits() {
			t.Run(l.says, func(t *testing.T) { c.refuses(t, l) })
		}
	})
	for _, part := range contractParts {
		t.Run(part.name, func(t *testing.T) {
			for _, r := range part.rows {
				t.Run(r.says, func(t *testing.T) { r.holds(t, c.given(t, r.of)) })
			}
		})
	}
}

// row is one row of the contract, and what shows it: the name of a job or endpoint.
type row struct {
	says, of string
	holds    func(*testing.T, *evidence)
}

// contractParts are all rows that this test proves.
var contractParts = []struct {
	name string
	rows []row
}{
	{"training", trainingRows}, {"channels", channelRows}, {"ends", endRows}, {"processing", processingRows},
	{"hosting", hostingRows}, {"transform", transformRows}, {"tuning", tuningRows}, {"compilation", compilationRows},
}

// contract is a Cloister with the jobs that show the rows.
type contract struct {
	*vpc
	read map[string]*evidence
}

// evidence is what came of a job or endpoint: its description, its logs, and what its containers wrote down.
type evidence struct {
	*contract
	name  string
	whole bool // it could be read
	says  map[string]any
	hosts map[string]*written
	// packed are the members of its archives, by "model/" or "output/" and the name.
	packed map[string]string
	logs   map[string][]string // by stream
}

// written is what the recorder writes down.
type written struct {
	Host, Directory, Hostname string
	Args, Env                 []string
	User, Group, PID          int
	Files                     map[string]struct {
		Mode string
		User uint32
		Size int64
		Text string
	}
	Links                   map[string][]string
	Mounts, Etc             map[string]string
	Limits, Rights, Written map[string]string
	Lent, Outside           string
	Streams                 map[string][]string
	Peers                   map[string]string
	Signals                 []struct{ Signal string }
	Later                   []string
	Asked                   *struct {
		Method, Path, Body string
		Header             map[string][]string
	}
	Before []string
}

// given reads what came of a job once it has ended.
func (c *contract) given(t *testing.T, name string) *evidence {
	t.Helper()
	if g := c.read[name]; g != nil {
		if !g.whole {
			t.Fatalf("what came of %s could not be read, see above", name)
		}
		return g
	}
	g := &evidence{contract: c, name: name, hosts: map[string]*written{}, packed: map[string]string{}, logs: map[string][]string{}}
	c.read[name] = g
	kind, _, _ := strings.Cut(name, "-")
	map[string]func(*evidence, *testing.T){
		"training": (*evidence).readTraining, "processing": (*evidence).readProcessing, "endpoint": (*evidence).readEndpoint,
		"transform": (*evidence).readTransform, "tuning": (*evidence).readTuning, "compilation": (*evidence).readCompilation,
	}[kind](g, t)
	g.whole = true
	return g
}

// create asks for something; what is asked has to be taken.
func (c *contract) create(t *testing.T, operation string, in m) {
	t.Helper()
	out := c.call(t, "sagemaker", "SageMaker."+operation, string(encoded(t, in)))
	if out == nil || out["__type"] != nil {
		t.Fatalf("%s: %v", operation, out)
	}
}

// m is an object of JSON.
type m = map[string]any

// settle waits for the end of a job and keeps its description.
func (g *evidence) settle(t *testing.T, kind, nameOf string) {
	t.Helper()
	in := string(encoded(t, m{nameOf: g.name}))
	g.reaches(t, "Describe"+kind, in, kind+"Status", "Completed", "Failed", "Stopped")
	g.says = g.call(t, "sagemaker", "SageMaker.Describe"+kind, in)
}

// keep reads a record.
func (g *evidence) keep(t *testing.T, text string) {
	t.Helper()
	w := &written{}
	if err := json.Unmarshal([]byte(text), w); err != nil {
		t.Fatalf("%s left %q: %v; %v\nthe server: %s", g.name, text, err, g.says, g.lastWords())
	}
	g.hosts[w.Host] = w
}

// at is what a host wrote down.
func (g *evidence) at(t *testing.T, host string) *written {
	t.Helper()
	w := g.hosts[host]
	if w == nil {
		t.Fatalf("%s of %s left no record: %v %v", host, g.name, g.says, g.logs)
	}
	return w
}

// readLogs reads the streams of a group whose names begin so, when the last line is there.
func (g *evidence) readLogs(t *testing.T, group, prefix, last string) {
	t.Helper()
	in := string(encoded(t, m{"logGroupName": group, "logStreamNamePrefix": prefix}))
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		clear(g.logs)
		events, _ := g.call(t, "logs", "Logs_20140328.FilterLogEvents", in)["events"].([]any)
		found := false
		for _, e := range events {
			e, _ := e.(m)
			stream, _ := e["logStreamName"].(string)
			line, _ := e["message"].(string)
			g.logs[stream] = append(g.logs[stream], line)
			found = found || strings.Contains(line, last)
		}
		if found {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s of %s never says %q: %v", group, g.name, last, g.logs)
		}
	}
}

// streams are the names of the log's streams, numbers for the times in them.
func (g *evidence) streams() (names []string) {
	for s := range g.logs {
		names = append(names, regexp.MustCompile(`[0-9]{10}$`).ReplaceAllString(s, "TIME"))
	}
	slices.Sort(names)
	return names
}
