package algorithm

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// probes are what a container might try to reach: names of services and the addresses from which
// credentials and metadata come elsewhere. Whoever runs the probe reads in its log what came of each.
var probes = []string{
	"api.sagemaker.us-east-1.amazonaws.com:443", "sts.us-east-1.amazonaws.com:443", "s3.us-east-1.amazonaws.com:443",
	"169.254.170.2:80", "169.254.169.254:80", "52.216.0.10:443",
}

// probe says when it began, tries to reach things and tells the log; it fails only when it cannot even try. More to reach
// comes as host:port, one a line, in the input channel's file "targets", or in the hyperparameter
// "targets" with spaces between. The hyperparameter "hostile" has it try what no container may, "meet" has
// the hosts of a job exchange data within so many seconds, "look" has it tell what its channels hold, with as many
// passes over pipes, "skim" only read all of them, "fill" leave a model of so many bytes, "hoard" take as many of the disk and
// then not end when it is told to, "seconds" has it live on, and count aloud how long, "sleep"
// has it live on for so many without a word; but with a "checkpoint", a file, only when it is started for the first
// time.
func (p program) probe(ctx context.Context) error {
	p.log("INFO", "began at %s", p.now().UTC().Format(time.RFC3339Nano))
	c, err := p.readConfiguration()
	if err != nil {
		return err
	}
	targets := append(probes, strings.Fields(c.hyperparameters["targets"])...)
	if b, err := os.ReadFile(p.root + "/input/data/train/targets"); err == nil {
		targets = append(targets, strings.Fields(string(b))...)
	}
	if seconds := c.hyperparameters["sleep"]; seconds != "" {
		return p.sleep(ctx, seconds)
	}
	p.credentials(ctx)
	if c.hyperparameters["hostile"] != "" {
		p.attack()
	}
	if seconds := c.hyperparameters["meet"]; seconds != "" {
		if err := p.meet(ctx, c, seconds); err != nil {
			return err
		}
	}
	if passes := c.hyperparameters["look"]; passes != "" {
		if err := p.look(c, passes); err != nil {
			return err
		}
	}
	if c.hyperparameters["skim"] != "" {
		return p.skim()
	}
	if size := c.hyperparameters["fill"]; size != "" {
		return p.fill(size)
	}
	if size := c.hyperparameters["hoard"]; size != "" {
		return p.hoard(ctx, size)
	}
	seconds := c.hyperparameters["seconds"]
	if at := c.hyperparameters["checkpoint"]; at != "" {
		again, err := p.resume(at)
		if err != nil || again {
			return err
		}
	}
	if seconds == "" {
		p.reach(ctx, targets)
		return nil
	}
	n, err := strconv.Atoi(seconds)
	if err != nil {
		return customer(err)
	}
	p.live(ctx, n)
	return os.WriteFile(p.root+"/model/seconds", []byte(seconds), 0o644)
}

// resume counts in a checkpoint how often the job was started, and tells whether it was before.
func (p program) resume(at string) (again bool, err error) {
	b, err := os.ReadFile(at)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	p.log("INFO", "start %d", len(b)+1)
	return len(b) > 0, os.WriteFile(at, append(b, 'x'), 0o644)
}

// credentials asks for those of its role as SDKs do, and for others', and tells the log whose they are.
func (p program) credentials(ctx context.Context) {
	own := os.Getenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
	if own == "" {
		p.log("INFO", "credentials: nowhere to ask")
		own = "/v2/credentials/"
	}
	var got struct{ RoleArn, AccessKeyId, SecretAccessKey, Token, Expiration string }
	for _, path := range []string{own, "/v2/credentials/00000000000000000000000000000000"} {
		status, err := p.ask(ctx, "http://169.254.170.2"+path, &got)
		if err != nil {
			p.log("INFO", "credentials: %v", err)
			return
		}
		whole := got.AccessKeyId != "" && got.SecretAccessKey != "" && got.Token != ""
		p.log("INFO", "credentials: %d of %s, whole: %v, until %s", status, got.RoleArn, whole, got.Expiration)
		got.RoleArn, got.Expiration, got.AccessKeyId = "", "", ""
	}
}

// ask gets a JSON document.
func (p program) ask(ctx context.Context, url string, into any) (status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer w.Body.Close()
	if w.StatusCode != http.StatusOK {
		return w.StatusCode, nil
	}
	return w.StatusCode, json.NewDecoder(w.Body).Decode(into)
}

// reach dials each target.
func (p program) reach(ctx context.Context, targets []string) {
	dialer := net.Dialer{Timeout: 2 * time.Second}
	for _, t := range targets {
		c, err := dialer.DialContext(ctx, "tcp", t)
		if err != nil {
			p.log("INFO", "%s: %v", t, err)
			continue
		}
		p.log("INFO", "%s: reached %s", t, c.RemoteAddr())
		c.Close()
	}
}

// live writes a numbered line every tenth of a second: a line that is missing in the log was lost.
func (p program) live(ctx context.Context, seconds int) {
	beat := time.NewTicker(time.Second / 10)
	defer beat.Stop()
	for i := range seconds * 10 {
		p.log("INFO", "beat %d", i)
		select {
		case <-beat.C:
		case <-ctx.Done():
			p.log("INFO", "told to end at beat %d", i)
			return
		}
	}
}

// sleep does nothing until the time is over or it is told to end.
func (p program) sleep(ctx context.Context, seconds string) error {
	n, err := strconv.Atoi(seconds)
	if err != nil {
		return customer(err)
	}
	select {
	case <-time.After(time.Duration(n) * time.Second):
	case <-ctx.Done():
	}
	return nil
}
