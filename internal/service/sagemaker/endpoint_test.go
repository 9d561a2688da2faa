package sagemaker

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cloister/internal/machine/executor/memory"
	"cloister/internal/value/fault"
	"cloister/internal/value/shape/sagemaker"
)

// server answers /ping as its environment says and /invocations with the model's weights.
func (w *world) server(ctx context.Context, p memory.Process) int {
	mode := ""
	for _, e := range p.Env {
		if v, ok := strings.CutPrefix(e, "MODE="); ok {
			mode = v
		}
	}
	fmt.Fprintln(p.Output, "serving", strings.Join(p.Args, " "))
	if mode == "crash" {
		return 1
	}
	if mode == "deaf" {
		select {
		case <-p.Terminate:
		case <-ctx.Done():
		}
		return 0
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 2
	}
	var asked atomic.Int32
	h := http.NewServeMux()
	h.HandleFunc("GET /ping", func(rw http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) < 3 {
			rw.WriteHeader(503)
		}
	})
	h.HandleFunc("POST /invocations", func(rw http.ResponseWriter, _ *http.Request) {
		b, _ := os.ReadFile(p.Path("/opt/ml/model/weights"))
		rw.Write(b)
	})
	srv := &http.Server{Handler: h}
	id := path.Base(p.Namespace)
	w.mu.Lock()
	w.listeners[id] = l
	w.mu.Unlock()
	die := make(chan struct{})
	h.HandleFunc("POST /die", func(http.ResponseWriter, *http.Request) { close(die) })
	go func() {
		select {
		case <-p.Terminate:
			fmt.Fprintln(p.Output, "terminated")
		case <-ctx.Done():
		case <-die:
		}
		srv.Close()
	}()
	srv.Serve(l)
	w.mu.Lock()
	delete(w.listeners, id)
	w.mu.Unlock()
	return 0
}

func tarball(t *testing.T, members ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, h := range members {
		body := h.Uname // the content travels here
		h.Uname, h.Size = "", int64(len(body))
		if h.Mode == 0 {
			h.Mode = 0o644
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		w.Write([]byte(body))
	}
	w.Close()
	z.Close()
	return b.Bytes()
}

func hostingWorld(t *testing.T) (*world, *Service) {
	w := newWorld(t, nil)
	w.exec = memory.New(map[string]memory.Program{"program": w.server})
	t.Cleanup(func() { // nothing may outlive the test
		all, _ := w.exec.List(context.Background())
		for _, c := range all {
			w.exec.Remove(context.Background(), c.ID)
		}
	})
	w.s3.put("out/m.tar.gz", tarball(t, tar.Header{Name: "./", Typeflag: tar.TypeDir, Mode: 0o755}, tar.Header{Name: "weights", Typeflag: tar.TypeReg, Uname: "W"}))
	return w, w.service()
}

// deployable makes a model and a configuration of the same name.
func (w *world) deployable(s *Service, name, mode string, count int32) {
	w.t.Helper()
	if _, err := s.createModel(w.t.Context(), w.call(), &sagemaker.CreateModelInput{
		ModelName: &name, ExecutionRoleArn: new(role), VpcConfig: &sagemaker.VpcConfig{Subnets: []string{"subnet-1", "subnet-2"}, SecurityGroupIds: []string{"sg-1"}},
		PrimaryContainer: &sagemaker.ContainerDefinition{Image: new("382416733822.dkr.ecr.us-east-1.amazonaws.com/kmeans:1"), ModelDataUrl: new("s3://out/m.tar.gz"), Environment: map[string]string{"MODE": mode}},
	}); err != nil {
		w.t.Fatal(err)
	}
	if _, err := s.createEndpointConfig(w.t.Context(), w.call(), &sagemaker.CreateEndpointConfigInput{
		EndpointConfigName: &name, ProductionVariants: []sagemaker.ProductionVariant{{VariantName: new("AllTraffic"), ModelName: &name, InstanceType: new("ml.m5.large"), InitialInstanceCount: &count}},
	}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) create(s *Service, endpoint, config string) {
	w.t.Helper()
	if _, err := s.createEndpoint(w.t.Context(), w.call(), &sagemaker.CreateEndpointInput{EndpointName: &endpoint, EndpointConfigName: &config}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) endpoint(s *Service, name string) *sagemaker.DescribeEndpointOutput {
	out, err := s.describeEndpoint(w.t.Context(), w.call(), &sagemaker.DescribeEndpointInput{EndpointName: &name})
	if err != nil {
		if fault.Is(err, "ValidationException") {
			return nil
		}
		w.t.Fatal(err)
	}
	return out
}

func (w *world) status(s *Service, name, want string) *sagemaker.DescribeEndpointOutput {
	w.t.Helper()
	last := ""
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(3 * time.Millisecond) {
		d := w.endpoint(s, name)
		if d == nil {
			if last = "gone"; want == last {
				return nil
			}
			continue
		}
		if last = *d.EndpointStatus; last == want {
			return d
		}
	}
	w.t.Fatalf("endpoint is %s, never %s", last, want)
	return nil
}

func (w *world) places(endpoint string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	for _, p := range w.routes[endpoint] {
		out = append(out, p...)
	}
	return out
}

func (w *world) post(place, what string) (int, error) {
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return w.Dial(ctx, place, listening)
	}}}
	resp, err := c.Post("http://x"+what, "", nil)
	if err != nil {
		return 0, err
	}
	resp.Body.Close()
	return resp.StatusCode, nil
}

func (w *world) deleteEndpoint(s *Service, name string) {
	w.t.Helper()
	if _, err := s.deleteEndpoint(w.t.Context(), w.call(), &sagemaker.DeleteEndpointInput{EndpointName: &name}); err != nil {
		w.t.Fatal(err)
	}
}

func TestEndpointServesAndGoes(t *testing.T) {
	w, s := hostingWorld(t)
	w.run(s)
	w.deployable(s, "Digits", "", 2)
	w.create(s, "Digits", "Digits")
	if d := w.endpoint(s, "Digits"); *d.EndpointStatus != creating {
		t.Errorf("at first %s", *d.EndpointStatus)
	}
	_, err := s.deleteEndpoint(t.Context(), w.call(), &sagemaker.DeleteEndpointInput{EndpointName: new("Digits")})
	if f, _ := fault.As(err); f == nil || f.Message != `Cannot update in-progress endpoint "arn:aws:sagemaker:us-east-1:111122223333:endpoint/digits".` {
		t.Errorf("deleting while creating: %v", err)
	}
	d := w.status(s, "Digits", inService)
	v := d.ProductionVariants[0]
	if *v.CurrentInstanceCount != 2 || *v.DesiredInstanceCount != 2 || *v.CurrentWeight != 1 || *v.DeployedImages[0].ResolvedImage != "382416733822.dkr.ecr.us-east-1.amazonaws.com/kmeans@sha256:1" {
		t.Errorf("variant %+v", v)
	}
	w.until("routed", func() bool { return len(w.places("Digits")) == 2 })
	for _, p := range w.places("Digits") {
		if code, err := w.post(p, "/invocations"); err != nil || code != 200 {
			t.Errorf("invoke at %s: %d %v", p, code, err)
		}
	}
	w.mu.Lock()
	subnets := map[string]bool{}
	for _, i := range w.interfaces {
		subnets[*i.SubnetId] = true
	}
	streams := 0
	for key, lines := range w.lines {
		if strings.HasPrefix(key, "/aws/sagemaker/Endpoints/Digits AllTraffic/i-0") && lines[0] == "serving program serve" {
			streams++
		}
	}
	w.mu.Unlock()
	if len(subnets) != 2 {
		t.Errorf("interfaces stand in subnets %v", subnets)
	}
	if streams != 2 {
		w.until("log lines", func() bool { w.mu.Lock(); defer w.mu.Unlock(); return len(w.lines) == 2 })
	}
	w.deleteEndpoint(s, "Digits")
	if len(w.places("Digits")) != 0 {
		t.Error("a deleted endpoint has traffic")
	}
	w.status(s, "Digits", "gone")
	w.mu.Lock()
	for key, lines := range w.lines {
		if lines[len(lines)-1] != "terminated" {
			t.Errorf("%s ends before its container: %q", key, lines)
		}
	}
	w.mu.Unlock()
	w.empty()
}

func TestEndpointFails(t *testing.T) {
	const ping = "The primary container for production variant AllTraffic did not pass the ping health check. Please check CloudWatch logs for this endpoint."
	const data = `Failed to download model data for container "container_1" from URL: "s3://out/m.tar.gz".`
	const archive = `Failed to extract model data archive from URL "s3://out/m.tar.gz" for container "container_1": `
	cases := []struct {
		name, mode string
		prepare    func(*world)
		reason     string
	}{
		{"deaf", "deaf", nil, ping},
		{"crash", "crash", nil, ping},
		{"denied", "", func(w *world) { w.s3.refuse = refuseMethod("GET", 403, "AccessDenied") }, data},
		{"no route", "", func(w *world) { w.unrouted = true }, data},
		{"no object", "", func(w *world) { delete(w.s3.objects, "out/m.tar.gz") }, data},
		{"no archive", "", func(w *world) { w.s3.put("out/m.tar.gz", []byte("hello")) }, archive + "it is not gzipped"},
		{"cut", "", func(w *world) { b := w.s3.get("out/m.tar.gz"); w.s3.put("out/m.tar.gz", b[:len(b)/2]) }, archive + "it is damaged"},
		{"link", "", func(w *world) {
			w.s3.put("out/m.tar.gz", tarball(w.t, tar.Header{Name: "l", Typeflag: tar.TypeSymlink, Linkname: "/etc"}))
		}, archive + "it holds a link or a special file"},
		{"way out", "", func(w *world) {
			w.s3.put("out/m.tar.gz", tarball(w.t, tar.Header{Name: "a/../../../x", Typeflag: tar.TypeReg, Uname: "x"}))
		}, archive + "a member leads out of the model directory"},
		{"no interface", "", func(w *world) {
			w.deny["ec2.CreateNetworkInterface"] = fault.Kind{Code: "InvalidSubnetID.NotFound", Status: 400}.New("The subnet ID 'x' does not exist")
		}, "ClientError: Unable to create a network interface in the VPC: The subnet ID 'x' does not exist"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w, s := hostingWorld(t)
			w.deployable(s, "m", c.mode, 1)
			if c.prepare != nil {
				c.prepare(w)
			}
			w.run(s)
			w.create(s, "e", "m")
			d := w.status(s, "e", failed)
			if !strings.HasPrefix(text(d.FailureReason), c.reason) {
				t.Errorf("reason %q, want %q", text(d.FailureReason), c.reason)
			}
			_, err := s.updateEndpoint(t.Context(), w.call(), &sagemaker.UpdateEndpointInput{EndpointName: new("e"), EndpointConfigName: new("m")})
			if !fault.Is(err, "ValidationException") {
				t.Errorf("update of a failed endpoint: %v", err)
			}
			w.mu.Lock()
			clear(w.deny)
			w.mu.Unlock()
			w.deleteEndpoint(s, "e")
			w.status(s, "e", "gone")
			w.empty()
		})
	}
}

func TestEndpointUpdates(t *testing.T) {
	w, s := hostingWorld(t)
	w.run(s)
	w.deployable(s, "one", "", 1)
	w.deployable(s, "two", "", 1)
	w.deployable(s, "bad", "deaf", 1)
	w.create(s, "e", "one")
	w.status(s, "e", inService)
	w.until("routed", func() bool { return len(w.places("e")) == 1 })
	first := w.places("e")[0]

	up := func(config string) error {
		_, err := s.updateEndpoint(t.Context(), w.call(), &sagemaker.UpdateEndpointInput{EndpointName: new("e"), EndpointConfigName: &config})
		return err
	}
	if err := up("one"); !fault.Is(err, "ValidationException") {
		t.Errorf("update to the same configuration: %v", err)
	}
	if err := up("bad"); err != nil {
		t.Fatal(err)
	}
	if err := up("two"); !fault.Is(err, "ValidationException") {
		t.Errorf("update while updating: %v", err)
	}
	w.until("the first update to fail", func() bool { return w.endpoint(s, "e").FailureReason != nil })
	d := w.status(s, "e", inService)
	if *d.EndpointConfigName != "one" || len(w.places("e")) != 1 || w.places("e")[0] != first {
		t.Errorf("after a failed update: %s at %v", *d.EndpointConfigName, w.places("e"))
	}
	if err := up("two"); err != nil {
		t.Fatal(err)
	}
	w.until("the second update", func() bool { return *w.endpoint(s, "e").EndpointStatus == inService })
	d = w.endpoint(s, "e")
	if *d.EndpointConfigName != "two" || d.FailureReason != nil {
		t.Errorf("after the update: %s %s", *d.EndpointConfigName, text(d.FailureReason))
	}
	w.until("only the new instance", func() bool {
		all, _ := w.exec.List(t.Context())
		p := w.places("e")
		return len(all) == 1 && len(p) == 1 && p[0] != first
	})
	w.deleteEndpoint(s, "e")
	w.status(s, "e", "gone")
	w.empty()
}

func TestEndpointOutlivesTheProcess(t *testing.T) {
	w, s := hostingWorld(t)
	stop := w.run(s)
	w.deployable(s, "m", "", 1)
	w.create(s, "e", "m")
	w.status(s, "e", inService)
	w.until("routed", func() bool { return len(w.places("e")) == 1 })
	place := w.places("e")[0]
	stop()
	w.Remove(account, "e") // a fresh process knows no route
	if code, err := w.post(place, "/invocations"); err != nil || code != 200 {
		t.Fatalf("the container did not outlive the process: %d %v", code, err)
	}
	stop = w.run(w.service())
	w.until("adopted", func() bool { return len(w.places("e")) == 1 })

	// The container dies under a running process, and is run again.
	w.post(place, "/die")
	w.until("not routed", func() bool { return len(w.places("e")) == 0 })
	w.until("run again", func() bool { return len(w.places("e")) == 1 })
	stop()

	// It dies while there is no process.
	w.post(place, "/die")
	w.until("dead", func() bool { all, _ := w.exec.List(t.Context()); return len(all) == 1 && !all[0].Running })
	w.Remove(account, "e")
	s = w.service()
	w.run(s)
	w.until("run again by the next process", func() bool {
		if len(w.places("e")) != 1 {
			return false
		}
		code, err := w.post(place, "/invocations")
		return err == nil && code == 200
	})
	if d := w.endpoint(s, "e"); *d.EndpointStatus != inService {
		t.Errorf("status %s", *d.EndpointStatus)
	}
	w.deleteEndpoint(s, "e")
	w.status(s, "e", "gone")
	w.empty()
}
