package compat

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// channelOf is an input as the AWS CLI takes it; more stands over what every channel has.
func channelOf(name, kind, key string, source map[string]any, more map[string]any) map[string]any {
	s3 := map[string]any{"S3DataType": kind, "S3Uri": "s3://" + bucket + "/" + key}
	for k, v := range source {
		s3[k] = v
	}
	c := map[string]any{"ChannelName": name, "DataSource": map[string]any{"S3DataSource": s3}}
	for k, v := range more {
		c[k] = v
	}
	return c
}

// provideNoise puts objects of bytes made by chance under a prefix and gives what they hold.
func (d *daemon) provideNoise(t *testing.T, prefix string, sizes ...int) (objects []string) {
	t.Helper()
	dir := t.TempDir()
	random := rand.NewChaCha8([32]byte{byte(len(sizes))})
	for i, n := range sizes {
		b := make([]byte, n)
		random.Read(b) //nolint:errcheck // it always can
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%02d", i)), b, 0o644); err != nil {
			t.Fatal(err)
		}
		objects = append(objects, string(b))
	}
	d.internet().must(t, "aws", "s3", "cp", "--no-progress", "--recursive", dir, "s3://"+bucket+"/"+prefix)
	return objects
}

// saw is the line of the probe's log for content that it found under a name.
func saw(name, content string) string {
	return fmt.Sprintf("saw %s: %d bytes, SHA-256 %x", name, len(content), sha256.Sum256([]byte(content)))
}

// TestChannels has a container tell what it sees of every kind of channel, with a real kernel's pipes.
func TestChannels(t *testing.T) {
	t.Parallel()
	d := own(t)
	d.provide(t)
	v := d.vpc(t)
	objects := d.provideNoise(t, "noise/", 100_000, 0, 40_000_000, 7, 33)
	manifest := filepath.Join(t.TempDir(), "manifest")
	lines := fmt.Sprintf("{\"x-ref\":\"s3://%s/noise/03\",\"label\":1}\n{\"label\":\"b\",\"x-ref\":\"s3://%[1]s/noise/04\"}\n", bucket)
	if err := os.WriteFile(manifest, []byte(lines), 0o644); err != nil {
		t.Fatal(err)
	}
	d.internet().must(t, "aws", "s3", "cp", "--no-progress", manifest, "s3://"+bucket+"/lines")
	pipe := map[string]any{"InputMode": "Pipe"}
	sharded := map[string]any{"S3DataDistributionType": "ShardedByS3Key"}
	config, err := json.Marshal([]any{
		channelOf("whole", "S3Prefix", "noise/", nil, nil), channelOf("part", "S3Prefix", "noise/", sharded, nil),
		channelOf("stream", "S3Prefix", "noise/", nil, pipe), channelOf("turn", "S3Prefix", "noise/", sharded, pipe),
		channelOf("fast", "S3Prefix", "noise/", sharded, map[string]any{"InputMode": "FastFile"}),
		channelOf("lines", "AugmentedManifestFile", "lines", map[string]any{"AttributeNames": []string{"label", "x-ref"}}, pipe),
	})
	if err != nil {
		t.Fatal(err)
	}
	job := v.job(t, "look", probe, "look=2", "--input-data-config", string(config), "--resource-config", "InstanceType=ml.m5.large,InstanceCount=2,VolumeSizeInGB=1")
	v.completed(t, job)
	log := strings.Join(v.log(t, job), "\n") + "\n"
	want := map[string]int{}
	for i, o := range objects {
		want[saw(fmt.Sprintf("whole/%02d", i), o)] = 2 // hosts
		want[saw(fmt.Sprintf("part/%02d", i), o)] = 1
		want[saw(fmt.Sprintf("fast/%02d", i), o)] = 1
	}
	for pass := range 2 {
		want[saw(fmt.Sprintf("stream_%d", pass), strings.Join(objects, ""))] = 2
		want[saw(fmt.Sprintf("turn_%d", pass), objects[0]+objects[2]+objects[4])] = 1
		want[saw(fmt.Sprintf("turn_%d", pass), objects[1]+objects[3])] = 1
		want[saw(fmt.Sprintf("lines_%d", pass), "1"+objects[3]+"b"+objects[4])] = 2
	}
	for line, n := range want {
		if got := strings.Count(log, line+"\n"); got != n {
			t.Errorf("%d times %q, want %d", got, line, n)
		}
	}
	if t.Failed() {
		t.Logf("the log:\n%s", log)
	}
}

// TestPipeAfterACrash kills the server while a container reads from a pipe: it sees every byte once.
func TestPipeAfterACrash(t *testing.T) {
	t.Parallel()
	d := own(t)
	d.provide(t)
	v := d.vpc(t)
	const passes = 3 // no byte is read while there is no server, so the crashes are in the first
	objects := d.provideNoise(t, "noise/", 80_000_000, 80_000_000, 1, 80_000_000)
	config, err := json.Marshal([]any{channelOf("stream", "S3Prefix", "noise/", nil, map[string]any{"InputMode": "Pipe"}),
		channelOf("shown", "S3Prefix", "noise/", nil, map[string]any{"InputMode": "FastFile"})})
	if err != nil {
		t.Fatal(err)
	}
	job := v.job(t, "read", probe, fmt.Sprint("look=", passes), "--input-data-config", string(config))
	d.stage(t, job, "Training", "Completed")
	for range 2 {
		d.crash(t)
		d.restart(t)
	}
	v.completed(t, job)
	log := strings.Join(v.log(t, job), "\n")
	for pass := range passes {
		if !strings.Contains(log, saw(fmt.Sprintf("stream_%d", pass), strings.Join(objects, ""))) {
			t.Errorf("pass %d is not whole:\n%s", pass, log)
		}
	}
	for i, o := range objects {
		if !strings.Contains(log, saw(fmt.Sprintf("shown/%02d", i), o)) {
			t.Errorf("shown/%02d is not whole", i)
		}
	}
	if b, err := os.ReadFile("/proc/mounts"); err != nil || strings.Contains(string(b), d.data+"/jobs") {
		t.Errorf("what the job was shown is still there: %v", err)
	}
	waitFor(t, "a keeper of pipes outlives its job", func() bool { return len(keepers(d.data)) == 0 })
}

// keepers are the processes that keep the pipes of an instance's jobs.
func keepers(data string) (pids []string) {
	for pid, line := range processes() {
		if strings.Contains(line, "feed") && strings.Contains(line, data) && strings.Contains(line, "/pipes") {
			pids = append(pids, pid)
		}
	}
	return pids
}
