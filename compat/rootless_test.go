package compat

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// anybody is a user that this machine does not know: an ordinary one, with no home and no groups.
const anybody = 54321

// ordinary starts a Cloister as an ordinary user; as ourselves when we are one.
func ordinary(t *testing.T) *daemon {
	t.Helper()
	d, err := newDaemon()
	if err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		d.as = &syscall.Credential{Uid: anybody, Gid: anybody}
		d.env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + d.data, "TMPDIR=/tmp"}
		d.binary = filepath.Join(d.data, "cloister")
		install(t, d)
	}
	probe := exec.Command("unshare", "--user", "--map-root-user", "--net", "true")
	probe.SysProcAttr = &syscall.SysProcAttr{Credential: d.as}
	if out, err := probe.CombinedOutput(); err != nil {
		os.RemoveAll(d.data)
		t.Skipf("this host gives ordinary users no namespaces: %v %s", err, out)
	}
	if cli := d.hostCommand("aws", "--version"); cli.Run() != nil {
		os.RemoveAll(d.data)
		t.Skip("ordinary users have no aws on this machine")
	}
	d.run(t)
	return d
}

// install gives the user a data directory and a copy of the binary, as ours may lie where only root reads.
func install(t *testing.T, d *daemon) {
	t.Helper()
	path, err := program("cloister")
	if err != nil {
		t.Fatal(err)
	}
	binary, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(d.binary, binary, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(d.data, anybody, anybody); err != nil {
		t.Fatal(err)
	}
}

// hostCommand is a program on the host, run as the Cloister's user.
func (d *daemon) hostCommand(args ...string) *exec.Cmd {
	cmd := exec.Command("env", args...)
	cmd.Env, cmd.Dir = d.env, d.data
	if d.as != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: d.as}
	}
	return cmd
}

// TestRootless walks the path as an ordinary user, and crashes in the middle of it.
func TestRootless(t *testing.T) {
	t.Parallel()
	d := ordinary(t)
	if said, err := os.ReadFile(filepath.Join(d.data, "serve.out")); err != nil || !strings.Contains(string(said), "rootless: ") {
		t.Errorf("serve does not say what is weaker without root: %s", said)
	}
	if got := d.internet().aws(t, "sts", "get-caller-identity", "--query", "Arn"); got != "arn:aws:iam::"+account+":root" {
		t.Errorf("on the internet we are %s", got)
	}
	v := d.vpc(t, "sts", "sagemaker.runtime")
	d.provide(t)
	if got := v.inside().aws(t, "sts", "get-caller-identity", "--query", "Arn"); got != "arn:aws:iam::"+account+":root" {
		t.Errorf("in the subnet we are %s", got)
	}
	text := filepath.Join(d.data, "words")
	v.inside().must(t, "bash", "-c", `echo private >"$0" && aws s3 cp --no-progress "$0" s3://`+bucket+`/words && aws s3 cp --no-progress s3://`+bucket+`/words "$0.back"`, text)
	if back, err := os.ReadFile(text + ".back"); err != nil || string(back) != "private\n" {
		t.Errorf("through the gateway endpoint came %q: %v", back, err)
	}
	v.completed(t, v.job(t, "first", kmeans, "k=10,feature_dim=64"))
	v.deploy(t, "first", "digits")
	before := v.invoke(t, v.inside(), "digits")

	long := v.job(t, "long", probe, "seconds=60")
	d.stage(t, long, "Training")
	waitFor(t, "the job's container says nothing", func() bool { // in Training there may be none yet
		return strings.Contains(strings.Join(v.log(t, long), "\n"), "beat")
	})
	d.crash(t)
	v.gone(t)
	d.restart(t)
	if status, reason := v.settled(t, long); status != "Failed" || reason == "" {
		t.Errorf("a job whose container ended with the server is %s: %s", status, reason)
	}
	d.serving(t, "digits", "InService")
	if got := v.invoke(t, v.inside(), "digits"); got != before {
		t.Errorf("after the crash the endpoint answers %s, before %s", got, before)
	}
}

// gone waits until the kernel has ended all that was in a crashed rootless Cloister's namespaces.
func (d *daemon) gone(t *testing.T) {
	t.Helper()
	var left []string
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if left = leftovers(d.data, filepath.Join(d.data, "none")); len(left) == 0 {
			return
		}
	}
	t.Errorf("after the crash there are still:\n%s", strings.Join(left, "\n"))
}
