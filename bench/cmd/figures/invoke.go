package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// measureInvoke deploys the model and has wrk, at one interface of the VPC, call it three ways in turn:
// by the private endpoint, by an nginx that stands beside the container and ends TLS, and directly.
func (r *run) measureInvoke(ctx context.Context) error {
	if r.world == nil {
		return errNoWorld
	}
	w := r.world
	if err := w.deploy(ctx); err != nil {
		return err
	}
	eni, address, err := w.containerInterface(ctx)
	if err != nil {
		return err
	}
	nginx, err := r.startNginx(ctx, eni)
	if err != nil {
		return fmt.Errorf("nginx: %w", err)
	}
	defer stop(nginx)
	job := loadJob{
		Region: w.Region, Work: r.work, Host: "runtime.sagemaker." + w.Region + ".amazonaws.com", Container: address,
		Cloister: []int{r.daemon.cmd.Process.Pid}, Nginx: family(nginx.Process.Pid),
	}
	var many, one loadResult
	if err := r.inside(ctx, "load", job.with(16, 2, 7, 3), &many); err != nil {
		return err
	}
	if err := r.inside(ctx, "load", job.with(1, 1, 5, 2), &one); err != nil {
		return err
	}
	r.reportInvoke(&many, &one)
	return nil
}

func (r *run) reportInvoke(many, one *loadResult) {
	ratio := many.ratio()
	r.table.add("InvokeEndpoint, 1 KB, 16 connections", rate(many.Cloister), "≥ 0.5 of nginx", "nginx (TLS, proxy) "+rate(many.Nginx),
		fmt.Sprintf("%.2f", ratio), new(ratio >= 0.5))
	r.table.add("  processor time a request", us(many.cost(many.Cloister)), "", "nginx "+us(many.cost(many.Nginx)), times(many.cost(many.Cloister), many.cost(many.Nginx)), nil)
	for _, l := range []*loadResult{one, many} {
		direct := l.middle(l.Direct)
		r.table.add("  p50 added to a direct call, "+plural(l.Connections), us(l.middle(l.Cloister)-direct), "",
			fmt.Sprintf("nginx %s; direct %s", us(l.middle(l.Nginx)-direct), us(direct)), times(l.middle(l.Cloister)-direct, l.middle(l.Nginx)-direct), nil)
	}
	r.table.add("InvokeEndpoint, 1 KB, 1 connection", rate(one.Cloister), "", "nginx (TLS, proxy) "+rate(one.Nginx), fmt.Sprintf("%.2f", one.ratio()), nil)
}

func plural(connections int) string {
	if connections == 1 {
		return "1 connection"
	}
	return strconv.Itoa(connections) + " connections"
}

// deploy makes the model and an endpoint with an interface that others in the VPC can reach too, unless they are there.
func (w *world) deploy(ctx context.Context) error {
	if w.deployed {
		return nil
	}
	w.deployed = true
	var job struct {
		ModelArtifacts struct{ S3ModelArtifacts string }
	}
	if err := w.api.json(ctx, "sagemaker", "SageMaker.DescribeTrainingJob", map[string]string{"TrainingJobName": "digits"}, &job); err != nil {
		return err
	}
	for _, step := range []struct {
		target string
		in     map[string]any
	}{
		{"CreateModel", map[string]any{"ModelName": "digits", "ExecutionRoleArn": w.role,
			"PrimaryContainer": map[string]string{"Image": fmt.Sprintf(image, w.Region), "ModelDataUrl": job.ModelArtifacts.S3ModelArtifacts},
			"VpcConfig":        map[string]any{"Subnets": []string{w.subnet, w.second}, "SecurityGroupIds": []string{w.containers}}}},
		{"CreateEndpointConfig", map[string]any{"EndpointConfigName": "digits", "ProductionVariants": []any{
			map[string]any{"VariantName": "AllTraffic", "ModelName": "digits", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}}}},
		{"CreateEndpoint", map[string]any{"EndpointName": "digits", "EndpointConfigName": "digits"}},
	} {
		if err := w.api.json(ctx, "sagemaker", "SageMaker."+step.target, step.in, nil); err != nil {
			return err
		}
	}
	return until(ctx, "endpoint in service", func() (bool, error) {
		var out struct{ EndpointStatus, FailureReason string }
		err := w.api.json(ctx, "sagemaker", "SageMaker.DescribeEndpoint", map[string]string{"EndpointName": "digits"}, &out)
		if out.EndpointStatus == "Failed" {
			err = fmt.Errorf("failed: %s", out.FailureReason)
		}
		return out.EndpointStatus == "InService", err
	})
}

// containerInterface finds where the container of the endpoint stands.
func (w *world) containerInterface(ctx context.Context) (id, address string, err error) {
	var out struct {
		Interfaces []struct {
			ID      string `xml:"networkInterfaceId"`
			Address string `xml:"privateIpAddress"`
		} `xml:"networkInterfaceSet>item"`
	}
	if err := w.api.query(ctx, "ec2", "DescribeNetworkInterfaces", &out, "Filter.1.Name", "group-id", "Filter.1.Value.1", w.containers); err != nil {
		return "", "", err
	}
	if len(out.Interfaces) != 1 {
		return "", "", fmt.Errorf("%d interfaces have the containers' group, not 1", len(out.Interfaces))
	}
	return out.Interfaces[0].ID, out.Interfaces[0].Address, nil
}

// nginx has as many workers as Go has threads, kept-alive connections to the container, no log, and
// the cipher and curve that Cloister and wrk agree on.
const nginxConfig = `
daemon off; worker_processes %d; pid %s/nginx.pid; error_log stderr error;
events { worker_connections 512; }
http {
  access_log off; keepalive_requests 100000000; client_body_buffer_size 64k;
  upstream container { server 127.0.0.1:8080; keepalive 64; keepalive_requests 100000000; }
  server {
    listen 8443 ssl; ssl_certificate %s; ssl_certificate_key %s;
    ssl_protocols TLSv1.3; ssl_ecdh_curve X25519; ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
    location = /endpoints/digits/invocations { proxy_pass http://container/invocations; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}
`

func (r *run) startNginx(ctx context.Context, eni string) (*exec.Cmd, error) {
	if err := makeCertificate(r.work); err != nil {
		return nil, err
	}
	certificate, key := certificateFiles(r.work)
	path := filepath.Join(r.work, "nginx.conf")
	if err := os.WriteFile(path, fmt.Appendf(nil, nginxConfig, runtime.GOMAXPROCS(0), r.work, certificate, key), 0o600); err != nil {
		return nil, err
	}
	args := r.daemon.command("inside", "--run", r.world.Run, "--place", eni, "--resolver", "169.254.169.253", "--", "nginx", "-p", r.work, "-c", path)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	err := until(ctx, "nginx", func() (bool, error) {
		_, err := os.Stat(filepath.Join(r.work, "nginx.pid"))
		return err == nil && len(family(cmd.Process.Pid)) > runtime.GOMAXPROCS(0), nil
	})
	return cmd, err
}

// family is a process and its children.
func family(pid int) []int {
	out := []int{pid}
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	for _, f := range strings.Fields(string(b)) {
		if n, err := strconv.Atoi(f); err == nil {
			out = append(out, n)
		}
	}
	return out
}

// measureLoaded tells what the process holds after all this, when it has had time to give back.
func (r *run) measureLoaded(context.Context) error {
	if r.daemon.cmd == nil {
		return fmt.Errorf("no server runs")
	}
	time.Sleep(settling)
	mb, err := resident(r.daemon.cmd.Process.Pid)
	if err != nil {
		return err
	}
	r.table.add("resident after all of the above", fmt.Sprintf("%.1f MB", mb), "", "", "", nil)
	return nil
}
