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

// at is a job of the kind that stays at a point, and ends well.
func (k boundaryKind) at(name, point string) boundary {
	b := boundary{boundaryKind: k, job: k.name + "-" + name, want: "Completed"}
	b.made, b.hold = k.makes(b.job), k.resource+"/"+b.job+"="+point
	switch k.name {
	case "comp", "reco":
		b.want = "COMPLETED"
	case "host":
		b.want = "InService"
	}
	return b
}

// TestEveryBoundary kills the server while jobs of every kind are each between two other steps, and once more while
// they go on: all of them end as their user expects, what they make is there once, and nothing else of them is.
func TestEveryBoundary(t *testing.T) {
	t.Parallel()
	needRoot(t)
	d, err := newDaemon()
	if err != nil {
		t.Fatal(err)
	}
	d.binary = crashing(t)
	write(t, filepath.Join(d.data, "config.yaml"), []byte("compiler_image: mine:1\ninstance_quotas: {\"ml.m5.large for training warm pool usage\": 100}\n"))
	all := boundaries()
	for _, b := range all {
		d.flags = append(d.flags, "--hold", b.hold)
	}
	d.run(t)
	t.Cleanup(func() {
		if len(d.flags) > 0 { // it failed early, and who waits for its death ends by nothing else
			d.crash(t)
		}
	})
	v := d.boundaryWorld(t)
	i, err := d.instance()
	if err != nil {
		t.Fatal(err)
	}
	before, kernelBefore := d.standing(t), settledKernel(t, i.Run)
	began := time.Now()
	stage := func(what string) { t.Logf("%s: %v", what, time.Since(began).Round(time.Millisecond)) }

	d.calls(t, ask{"CreateTrainingJob", warmTraining(v, "first-warm")})
	v.completed(t, "first-warm")
	first := ask{"DescribeTrainingJob", members{"TrainingJobName": "first-warm"}}
	pool := func() any {
		p, _ := d.calls(t, first)[0]["WarmPoolStatus"].(map[string]any)
		return p["Status"]
	}
	waitFor(t, "the instances of a job do not wait for another", func() bool { return pool() == "Available" })
	var creates []ask
	for _, b := range all {
		creates = append(creates, ask{b.operation, b.request(v, b.job)})
	}
	for n, answer := range d.calls(t, creates...) {
		if answer["__type"] != nil {
			t.Fatalf("%s %s: %v", all[n].operation, all[n].job, answer)
		}
	}
	stage("made")
	d.bringToBoundaries(t, all)
	stage("held")
	written, standing := d.written(t), d.standing(t)
	for _, kind := range []string{"jobs", "containers", "kernel object", "mount", "cgroup", "process", "interface", "unfinished upload"} {
		n := 0
		for _, thing := range standing {
			if strings.HasPrefix(thing, kind+" ") && !slices.Contains(before, thing) {
				n++
			}
		}
		if n == 0 {
			t.Errorf("nothing can be left of the kind %q", kind)
		}
	}
	d.crash(t)
	d.flags = nil
	d.restart(t)
	for _, b := range all { // containers that were to outlive the server may go on
		if jobs, err := filepath.Glob(filepath.Join(d.data, "jobs", "*", "ml")); err != nil || b.hold == "" {
			t.Fatal(err)
		} else {
			for _, ml := range jobs {
				write(t, filepath.Join(ml, "go"), nil)
			}
			break
		}
	}
	waitFor(t, "too few jobs end", func() bool { return len(all)-len(d.unsettled(t, all)) > len(all)/3 })
	stage("a third")
	d.crash(t)
	d.restart(t)
	var left []string
	for end := time.Now().Add(3 * time.Minute); ; time.Sleep(300 * time.Millisecond) {
		if left = d.unsettled(t, all); len(left) == 0 || time.Now().After(end) {
			break
		}
	}
	stage("ended")
	if len(left) > 0 {
		t.Errorf("do not end as they should:\n%s\nthe server: %s", strings.Join(left, "\n"), d.lastWords())
	}
	if got := pool(); got != "Reused" {
		t.Errorf("the instances that waited before all others are %v", got)
	}
	d.undeploy(t, all)
	d.checkMade(t, all, written)
	d.restores(t, before, kernelBefore, i.Run)
	stage("audited")
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

// boundaryWorld makes what the jobs need, and what the server makes once for all jobs of a kind.
func (d *daemon) boundaryWorld(t *testing.T) *vpc {
	t.Helper()
	v := d.vpc(t)
	d.provide(t)
	d.iam(t, "PutRolePolicy", "RoleName", "execution", "PolicyName", "bucket", "PolicyDocument",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":["arn:aws:s3:::`+bucket+`","arn:aws:s3:::`+bucket+`/*"]}]}`)
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
	for _, answer := range d.calls(t,
		ask{"CreateModel", members{"ModelName": "caps", "ExecutionRoleArn": role, "VpcConfig": v.network(), "PrimaryContainer": members{"Image": "mine:1", "ModelDataUrl": uri("caps.tar.gz")}}},
		ask{"CreateEndpointConfig", members{"EndpointConfigName": "caps", "ProductionVariants": list{members{"VariantName": "all", "ModelName": "caps", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}}}},
		ask{"CreateTrainingJob", homeTraining(v, "first-home")}, ask{"CreateTrainingJob", pairTraining(v, "first-pair")},
	) {
		if answer["__type"] != nil {
			t.Fatal(answer)
		}
	}
	for _, job := range []string{"first-home", "first-pair"} {
		v.completed(t, job)
	}
	waitFor(t, "the first jobs leave something", func() bool { return len(entries(filepath.Join(d.data, "jobs"))) == 0 })
	return v
}

// bringToBoundaries waits until every job is where it is to be killed, and does what some need to come there.
func (d *daemon) bringToBoundaries(t *testing.T, all []boundary) {
	t.Helper()
	done := map[string]bool{}
	var away []string
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		log, err := os.ReadFile(filepath.Join(d.data, "serve.log"))
		if err != nil {
			t.Fatal(err)
		}
		held := string(log)
		away = away[:0]
		for _, b := range all {
			resource, point, _ := strings.Cut(b.hold, "=")
			pattern := regexp.MustCompile(`(?m)^holds ` + strings.ReplaceAll(regexp.QuoteMeta(resource+"="+point), `\*`, ".*") + "$")
			if !pattern.MatchString(held) {
				away = append(away, b.hold)
			}
			if done[b.job] {
				continue
			}
			switch {
			case b.stop.operation != "" && pattern.MatchString(held):
				if said := d.calls(t, b.stop)[0]; said["__type"] != nil {
					t.Fatalf("%s %s: %v", b.stop.operation, b.job, said)
				}
			case b.name == "spot" && !done["interrupt "+b.job] && strings.Contains(d.s3(t, "?list-type=2&prefix=out%2Fcheckpoints%2F"+b.job), "<Key>"):
				if out, err := d.command("interrupt", b.job).CombinedOutput(); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
				done["interrupt "+b.job] = true
				continue
			case b.name == "host" && b.want == "" && d.sagemaker(t, "DescribeEndpoint", `{"EndpointName":"`+b.job+`"}`, "EndpointStatus") == "InService":
				d.calls(t, ask{"DeleteEndpoint", members{"EndpointName": b.job}})
			default:
				continue
			}
			done[b.job] = true
		}
		if len(away) == 0 {
			return
		}
	}
	t.Fatalf("not at their boundaries:\n%s\nthe server: %s", strings.Join(away, "\n"), d.lastWords())
}

// unsettled tells of the jobs that are not in the state in which they are to end.
func (d *daemon) unsettled(t *testing.T, all []boundary) (left []string) {
	t.Helper()
	var lists []ask
	var kinds []boundary
	for _, b := range all {
		if !slices.ContainsFunc(kinds, func(k boundary) bool { return k.list == b.list }) {
			kinds = append(kinds, b)
			lists = append(lists, ask{b.list, members{"MaxResults": 100}})
		}
	}
	states := map[string]string{}
	for n, answer := range d.calls(t, lists...) {
		rows, _ := answer[kinds[n].rows].([]any)
		for _, r := range rows {
			one, _ := r.(map[string]any)
			name, _ := one[kinds[n].row].(string)
			states[name], _ = one[kinds[n].state].(string)
		}
	}
	for _, b := range all {
		if states[b.job] != b.want {
			left = append(left, b.job+" is "+states[b.job]+", wanted "+b.want)
		}
	}
	return left
}

// undeploy deletes the endpoints and lets go of instances that wait for another job.
func (d *daemon) undeploy(t *testing.T, all []boundary) {
	t.Helper()
	var deletes []ask
	for _, b := range all {
		if b.name == "warm" {
			deletes = append(deletes, ask{"UpdateTrainingJob", members{"TrainingJobName": b.job, "ResourceConfig": members{"KeepAlivePeriodInSeconds": 0}}})
		}
		if b.name == "host" && b.want != "" {
			deletes = append(deletes, ask{"DeleteEndpoint", members{"EndpointName": b.job}})
		}
	}
	for _, answer := range d.calls(t, deletes...) {
		if answer["__type"] != nil {
			t.Error(answer)
		}
	}
}

var objectForm = regexp.MustCompile(`<Key>([^<]*)</Key><LastModified>([^<]*)</LastModified><ETag>([^<]*)</ETag>`)

// written are the objects that jobs have made, and when.
func (d *daemon) written(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, m := range objectForm.FindAllStringSubmatch(d.s3(t, "?list-type=2&prefix=out%2F"), -1) {
		out[m[1]] = m[2] + " " + m[3]
	}
	return out
}

// checkMade compares what jobs have made with what they were to make; nothing was put again.
func (d *daemon) checkMade(t *testing.T, all []boundary, before map[string]string) {
	t.Helper()
	now := d.written(t)
	want := map[string]string{}
	for _, b := range all {
		for key, object := range b.made {
			want[key] = object
		}
	}
	var keys []string
	for key, at := range now {
		if strings.HasPrefix(key, "out/first-") {
			continue
		}
		keys = append(keys, key)
		if _, ok := want[key]; !ok {
			t.Errorf("%s is there", key)
		}
		if was := before[key]; was != "" && was != at && !strings.HasPrefix(key, "out/checkpoints/") {
			t.Errorf("%s was put twice: %s and %s", key, was, at)
		}
	}
	for key := range before {
		if now[key] == "" && want[key] != "" {
			t.Errorf("%s is gone", key)
		}
	}
	objects := d.objects(t, keys)
	for key, object := range want {
		if now[key] == "" {
			t.Errorf("%s is missing", key)
		} else if got := untarred(t, key, objects[key]); got != object {
			t.Errorf("%s holds %q, wanted %q", key, got, object)
		}
	}
}
