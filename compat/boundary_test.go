package compat

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// boundary is a job that is between two of its steps when the server is killed.
type boundary struct {
	boundaryKind
	job  string
	hold string            // where it stays, as the server is told it
	want string            // its state in the end; "" is that there is none
	made map[string]string // what is in S3 then
	// stop is a call that is made when it stays there, one that has it stop.
	stop ask
}

var noWord = regexp.MustCompile(`[^a-z0-9]+`)

// boundaries are all of them, each with a job of its own.
func boundaries() (out []boundary) {
	kinds := map[string]boundaryKind{}
	for _, k := range boundaryKinds() {
		kinds[k.name] = k
		for _, point := range k.points {
			b := k.at(noWord.ReplaceAllString(strings.ToLower(point), "-"), strings.NewReplacer("put ", "put *", "parts of ", "parts of *").Replace(point))
			if k.name == "host" && (point == "stopped" || point == "gone") {
				b.want = ""
			}
			out = append(out, b)
		}
	}
	for _, point := range []string{"Starting begun", "Training done", "judged", "undone", "ended"} {
		b := kinds["tune"].at("trial-"+strings.ToLower(point[:4]), "")
		b.hold = "training-job/" + b.job + "-001-*=" + point
		out = append(out, b)
	}
	for _, point := range []string{"2=Launching begun", "2=Downloading done", "2=started", "2=healthy", "1=stopped", "1=gone"} {
		b := kinds["host"].at("update-"+noWord.ReplaceAllString(strings.ToLower(point), "-"), "")
		b.hold = b.resource + "/" + b.job + "/" + point
		out = append(out, b)
	}
	for name, point := range map[string]string{"home": "Training done", "pair": "judged"} {
		b := kinds[name].at("fails", point)
		b.want, b.made = "Failed", map[string]string{}
		out = append(out, b)
	}
	for name, points := range map[string][]string{
		"home": {"started"}, "pair": {"attached", "Downloading begun"}, "spot": {"unwound"}, "proc": {"attached", "Downloading begun"},
		"batch": {"attached", "put *a.out"}, "comp": {"attached", "Compiling begun"}, "reco": {"attached", "started"}, "tune": {"1 of 1 trials run"},
	} {
		for _, point := range points {
			b := kinds[name].at("stop-"+noWord.ReplaceAllString(strings.ToLower(point), "-"), point)
			b.stop = ask{strings.Replace(b.operation, "Create", "Stop", 1), members{b.row: b.job}}
			b.made = map[string]string{}
			if name == "spot" {
				b.made["out/checkpoints/"+b.job+"/starts"] = "x"
			}
			b.want = strings.Replace(strings.Replace(b.want, "Completed", "Stopped", 1), "COMPLETED", "STOPPED", 1)
			out = append(out, b)
		}
	}
	return out
}

// updated tells whether it is an endpoint that is to have other instances.
func (b boundary) updated() bool { return strings.HasPrefix(b.job, "host-update-") }

// at is a job of the kind that stays at a point, and ends well.
func (k boundaryKind) at(name, point string) boundary {
	b := boundary{boundaryKind: k, job: k.name + "-" + name, want: "Completed"}
	b.made, b.hold = k.makes(b.job), k.resource+"/"+b.job+"="+point
	switch k.name {
	case "comp", "reco":
		b.want = "COMPLETED"
	case "host":
		b.want, b.hold = "InService", k.resource+"/"+b.job+"/1="+point
	}
	return b
}

// TestEveryBoundary kills the server while jobs of every kind are each between two other steps, and once more while
// they go on: all of them end as their user expects, what they make is there once, and nothing else of them is.
func TestEveryBoundary(t *testing.T) {
	// Not beside the others: two hundred jobs at once would starve them.
	needRoot(t)
	all := boundaries()
	d, v := boundaryWorld(t, all)
	i, err := d.instance()
	if err != nil {
		t.Fatal(err)
	}
	before, kernelBefore := d.standing(t), settledKernel(t, i.Run)
	began := time.Now()
	tell := func(what string) { t.Logf("%s: %v", what, time.Since(began).Round(time.Millisecond)) }
	v.beginAll(t, all)
	tell("all jobs are made")
	d.bringToBoundaries(t, all)
	tell("all are held")
	written := d.written(t)
	mayBeLeft(t, before, d.standing(t))
	d.crash(t)
	d.flags = nil
	d.restart(t)
	d.release(t)
	waitFor(t, "too few jobs end", func() bool { return len(all)-len(d.unsettled(t, all)) > len(all)/3 })
	tell("a third has ended")
	d.crash(t)
	d.restart(t)
	var left []string
	for end := time.Now().Add(3 * time.Minute); ; time.Sleep(300 * time.Millisecond) {
		if left = d.unsettled(t, all); len(left) == 0 || time.Now().After(end) {
			break
		}
	}
	tell("all have ended")
	if len(left) > 0 {
		t.Errorf("do not end as they should:\n%s\nthe server: %s", strings.Join(left, "\n"), d.lastWords())
	}
	if got := d.pool(t); got != "Reused" {
		t.Errorf("the instances that waited before all others are %v", got)
	}
	d.checkResults(t, all)
	d.undeploy(t, all)
	d.checkLogs(t, all)
	d.checkMade(t, all, written)
	d.restores(t, before, kernelBefore, i.Run)
}

// mayBeLeft makes sure that there is something of each kind that could be left.
func mayBeLeft(t *testing.T, before, now []string) {
	t.Helper()
	for _, kind := range []string{"jobs", "containers", "kernel object", "mount", "cgroup", "process", "interface", "unfinished upload"} {
		if !slices.ContainsFunc(now, func(thing string) bool { return strings.HasPrefix(thing, kind+" ") && !slices.Contains(before, thing) }) {
			t.Errorf("nothing can be left of the kind %q", kind)
		}
	}
}

// release lets containers go on that were to outlive the server.
func (d *daemon) release(t *testing.T) {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(d.data, "jobs", "*", "ml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, ml := range all {
		write(t, filepath.Join(ml, "go"), nil)
	}
}

// shipped is the server that users have.
func shipped(t *testing.T) string {
	t.Helper()
	name, err := program("cloister")
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// crashing builds the server that knows where to wait.
func crashing(t *testing.T) string {
	t.Helper()
	at := filepath.Join(t.TempDir(), "cloister")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-tags", "crash", "-o", at, "./cmd/cloister")
	build.Dir = ".."
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	return at
}

// boundaryWorld starts a server that holds jobs where they are to be, and makes what they need, and what the server
// makes once for all jobs of a kind.
func boundaryWorld(t *testing.T, all []boundary) (*daemon, *vpc) {
	t.Helper()
	d, err := newDaemon()
	if err != nil {
		t.Fatal(err)
	}
	d.binary = crashing(t)
	for _, b := range all {
		d.flags = append(d.flags, "--hold", b.hold)
	}
	write(t, filepath.Join(d.data, "config.yaml"), []byte("compiler_image: mine:1\ninstance_quotas: {\"ml.m5.large for training warm pool usage\": 100}\n"))
	d.run(t)
	t.Cleanup(func() {
		if len(d.flags) > 0 { // the test failed early, and who waits for his death ends by nothing else
			d.crash(t)
		}
	})
	v := d.vpc(t)
	d.provide(t)
	d.iam(t, "PutRolePolicy", "RoleName", "execution", "PolicyName", "bucket", "PolicyDocument",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":["arn:aws:s3:::`+bucket+`","arn:aws:s3:::`+bucket+`/*"]}]}`)
	if out, err := exec.Command(shipped(t), "serve", "--hold", "x").CombinedOutput(); err == nil || !strings.Contains(string(out), "unknown flag --hold") {
		t.Errorf("what is shipped can be held: %v %s", err, out)
	}
	from := layoutOf(t, "stages", map[string]any{"Entrypoint": []string{"/stages"}, "Cmd": []string{"compile"}})
	if out, err := d.command("image", "load", from).CombinedOutput(); err != nil {
		t.Fatalf("load: %v %s", err, out)
	}
	dir := t.TempDir()
	for key, object := range given {
		file := filepath.Join(dir, filepath.Base(key))
		write(t, file, []byte(object))
		d.s3(t, "/"+key, "-T", file)
	}
	d.allowed(t,
		ask{"CreateModel", members{"ModelName": "caps", "ExecutionRoleArn": role, "VpcConfig": v.network(), "PrimaryContainer": members{"Image": "mine:1", "ModelDataUrl": uri("caps.tar.gz")}}},
		ask{"CreateEndpointConfig", variant("caps")}, ask{"CreateEndpointConfig", variant("again")},
		ask{"CreateTrainingJob", homeTraining(v, "first-home")}, ask{"CreateTrainingJob", pairTraining(v, "first-pair")})
	for _, job := range []string{"first-home", "first-pair"} {
		v.completed(t, job)
	}
	waitFor(t, "the first jobs leave something", func() bool { return len(entries(filepath.Join(d.data, "jobs"))) == 0 })
	return d, v
}

// beginAll makes all jobs; instances of another wait for the first of them that can have them.
func (v *vpc) beginAll(t *testing.T, all []boundary) {
	t.Helper()
	v.allowed(t, ask{"CreateTrainingJob", warmTraining(v, "first-warm")})
	v.completed(t, "first-warm")
	waitFor(t, "the instances of a job do not wait for another", func() bool { return v.pool(t) == "Available" })
	var creates []ask
	for _, b := range all {
		creates = append(creates, ask{b.operation, b.request(v, b.job)})
	}
	v.allowed(t, creates...)
}

// pool tells what has become of the instances of the first job that leaves some.
func (d *daemon) pool(t *testing.T) any {
	t.Helper()
	p, _ := d.calls(t, ask{"DescribeTrainingJob", members{"TrainingJobName": "first-warm"}})[0]["WarmPoolStatus"].(map[string]any)
	return p["Status"]
}

// allowed makes calls that have to succeed.
func (d *daemon) allowed(t *testing.T, asks ...ask) {
	t.Helper()
	for n, answer := range d.calls(t, asks...) {
		if answer["__type"] != nil {
			t.Fatalf("%s %v: %v", asks[n].operation, asks[n].in, answer)
		}
	}
}

// bringToBoundaries waits until every job is where it is to be killed, and does what some need to come there.
func (d *daemon) bringToBoundaries(t *testing.T, all []boundary) {
	t.Helper()
	there := map[string]*regexp.Regexp{}
	for _, b := range all {
		there[b.job] = regexp.MustCompile(`(?m)^holds ` + strings.ReplaceAll(regexp.QuoteMeta(b.hold), `\*`, ".*") + "$")
	}
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(200 * time.Millisecond) {
		log, err := os.ReadFile(filepath.Join(d.data, "serve.log"))
		if err != nil {
			t.Fatal(err)
		}
		var away, others []boundary
		for _, b := range all {
			switch held := there[b.job].Match(log); {
			case !held:
				away = append(away, b)
			case b.stop.operation != "":
				d.allowed(t, b.stop)
				b.stop = ask{}
			}
			others = append(others, b)
		}
		all = others
		if len(away) == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d are not at their boundaries, as %s\nthe server: %s", len(away), away[0].hold, d.lastWords())
		}
		d.push(t, away)
	}
}

// push takes instances back and changes and deletes endpoints, as soon as that can be: some come to their boundary only then.
func (d *daemon) push(t *testing.T, away []boundary) {
	t.Helper()
	is := func(b boundary) bool { return b.name == "host" && (b.want == "" || b.updated()) || b.name == "spot" }
	away = slices.DeleteFunc(away, func(b boundary) bool { return !is(b) })
	if len(away) == 0 {
		return
	}
	states, kept := d.states(t, away), d.s3(t, "?list-type=2&prefix=out%2Fcheckpoints%2F")
	for _, b := range away {
		switch {
		case b.name == "spot" && strings.Contains(kept, b.job+"/starts<") && d.stage(t, b.job, "Training", "Interrupted") == "Training":
			if out, err := d.command("interrupt", b.job).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
		case b.name == "host" && states[b.job] == "InService" && b.updated():
			if d.sagemaker(t, "DescribeEndpoint", `{"EndpointName":"`+b.job+`"}`, "EndpointConfigName") == "caps" {
				d.allowed(t, ask{"UpdateEndpoint", members{"EndpointName": b.job, "EndpointConfigName": "again"}})
			}
		case b.name == "host" && states[b.job] == "InService":
			d.allowed(t, ask{"DeleteEndpoint", members{"EndpointName": b.job}})
		}
	}
}
