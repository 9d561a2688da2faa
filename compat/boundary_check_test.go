package compat

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// states are the states of all jobs and endpoints, by their names.
func (d *daemon) states(t *testing.T, all []boundary) map[string]string {
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
	return states
}

// unsettled tells of the jobs that are not in the state in which they are to end.
func (d *daemon) unsettled(t *testing.T, all []boundary) (left []string) {
	t.Helper()
	states := d.states(t, all)
	for _, b := range all {
		if states[b.job] != b.want {
			left = append(left, b.job+" is "+states[b.job]+", wanted "+b.want)
		}
	}
	return left
}

// checkResults looks at what jobs and endpoints give whose results are not in S3: two trials, two load tests, answers.
func (d *daemon) checkResults(t *testing.T, all []boundary) {
	t.Helper()
	var calls, requests []string
	var describes []ask
	for _, b := range all {
		switch {
		case b.name == "tune" && b.want == "Completed":
			calls, describes = append(calls, b.job), append(describes, ask{"DescribeHyperParameterTuningJob", members{b.row: b.job}})
		case b.name == "reco" && b.want == "COMPLETED":
			calls, describes = append(calls, b.job), append(describes, ask{"DescribeInferenceRecommendationsJob", members{b.row: b.job}})
		case b.name == "host" && b.want == "InService":
			if config := d.sagemaker(t, "DescribeEndpoint", `{"EndpointName":"`+b.job+`"}`, "EndpointConfigName"); (config == "again") != b.updated() {
				t.Errorf("%s is of the configuration %s", b.job, config)
			}
			requests = append(requests, fmt.Sprintf("header = \"Content-Type: text/plain\"\ndata-binary = \"who\"\nurl = \"https://%s/endpoints/%s/invocations\"\n", d.listen, b.job))
		}
	}
	for n, answer := range d.calls(t, describes...) {
		counts, _ := answer["ObjectiveStatusCounters"].(map[string]any)
		recommended, _ := answer["InferenceRecommendations"].([]any)
		types := map[any]bool{}
		for _, r := range recommended {
			types[r.(map[string]any)["EndpointConfiguration"].(map[string]any)["InstanceType"]] = true
		}
		// Beside so many others a second of load may pass before the model is asked anything: then that type has no result.
		if counts["Succeeded"] != 2.0 && (len(recommended) == 0 || len(types) != len(recommended)) {
			t.Errorf("%s has not its results once: %v", calls[n], answer)
		}
	}
	for _, said := range d.batch(t, "sagemaker", requests) {
		if said != "WHO" {
			t.Errorf("an endpoint answers %q", said)
		}
	}
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
	d.allowed(t, deletes...)
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

// checkLogs looks for what every container says last: it may be there twice, but not be lost.
func (d *daemon) checkLogs(t *testing.T, all []boundary) {
	t.Helper()
	said := map[string]bool{}
	for _, group := range []string{"TrainingJobs", "ProcessingJobs", "CompilationJobs"} {
		in := members{"logGroupName": "/aws/sagemaker/" + group, "filterPattern": "loss"}
		for in != nil {
			answer := d.callsOf(t, "logs", "Logs_20140328", ask{"FilterLogEvents", in})[0]
			events, _ := answer["events"].([]any)
			for _, e := range events {
				one, _ := e.(map[string]any)
				stream, _ := one["logStreamName"].(string)
				said[stream[:strings.LastIndexByte(stream, '-')]] = true
			}
			if in["nextToken"] = answer["nextToken"]; in["nextToken"] == nil {
				in = nil
			}
		}
	}
	for _, b := range all {
		hosts := map[string]int{"home": 1, "pair": 2, "apart": 2, "spot": 1, "seal": 2, "warm": 1, "loose": 1, "proc": 2, "comp": 1}[b.name]
		for host := range hosts {
			if stream := fmt.Sprintf("%s/algo-%d", b.job, host+1); strings.EqualFold(b.want, "Completed") && !said[stream] {
				t.Errorf("the log %s lacks its end", stream)
			}
		}
	}
}
