package sagemaker

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cloister/internal/machine/tunnel"
	"cloister/internal/machine/tunnel/mesh"
	"cloister/internal/value/shape/sagemaker"
)

// meshes are the world's. A namespace that is in one cannot go.
type meshes struct{ *world }

func (m meshes) Open(_ context.Context, id string, hosts []mesh.Host) error {
	m.announce("mesh")
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.deny["mesh"]; err != nil {
		return err
	}
	m.world.meshes[id] = hosts
	return nil
}

func (m meshes) Close(id string) {
	m.announce("unmesh")
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.world.meshes, id)
}

// freeOf complains of a namespace that goes while a mesh holds it.
func (w *world) freeOf(id string) {
	for _, hosts := range w.meshes {
		for _, h := range hosts {
			if h.Namespace == "/run/netns/"+id {
				w.t.Errorf("the namespace of %s goes before its tunnel", id)
			}
		}
	}
}

// theMesh is the one mesh that there is now.
func (w *world) theMesh() (hosts []mesh.Host) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range w.meshes {
		hosts = m
	}
	return hosts
}

// slowly has n hosts run until they are ended.
func slowly(n int) *cluster {
	c := &cluster{slow: map[string]int{}}
	for i := range n {
		c.slow[fmt.Sprint("algo-", i+1)] = 0
	}
	return c
}

func TestSealedHostsFindEachOtherBehindTheirTunnels(t *testing.T) {
	for name, change := range map[string]func(*sagemaker.CreateTrainingJobRequest){
		"VPC":              func(*sagemaker.CreateTrainingJobRequest) {},
		"apart":            func(r *sagemaker.CreateTrainingJobRequest) { r.EnableNetworkIsolation = new(true) },
		"apart in nothing": func(r *sagemaker.CreateTrainingJobRequest) { r.EnableNetworkIsolation, r.VpcConfig = new(true), nil },
		"no VPC":           func(r *sagemaker.CreateTrainingJobRequest) { r.VpcConfig = nil },
		"groups": func(r *sagemaker.CreateTrainingJobRequest) {
			group := func(name string, n int32) sagemaker.InstanceGroup {
				return sagemaker.InstanceGroup{InstanceGroupName: &name, InstanceType: new("ml.m5.large"), InstanceCount: &n}
			}
			r.ResourceConfig = &sagemaker.ResourceConfig{InstanceGroups: []sagemaker.InstanceGroup{group("a", 1), group("b", 3)}, VolumeSizeInGB: new(int32(1))}
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := slowly(4)
			w, s := clusterWorld(t, c)
			r := clusterRequest("sealed")
			r.EnableInterContainerTrafficEncryption = new(true)
			change(r)
			w.begin(s, r)
			stop := w.run(s)
			w.until("running", func() bool { c.mu.Lock(); defer c.mu.Unlock(); return len(c.seen) == 4 })
			hosts := w.checkSealed(c)
			stop() // a fresh process takes the tunnels up while the containers go on
			s = w.service()
			w.run(s)
			w.until("sealed again", func() bool { return slices.Equal(w.theMesh(), hosts) })
			if _, err := s.stopTrainingJob(t.Context(), w.call(), stopRequest("sealed")); err != nil {
				t.Fatal(err)
			}
			w.ended(s, "sealed")
			w.until("nothing left", func() bool { w.mu.Lock(); defer w.mu.Unlock(); return len(w.interfaces)+len(w.joined) == 0 })
			w.empty()
		})
	}
}

// checkSealed compares what four hosts were told with the mesh that there is.
func (w *world) checkSealed(c *cluster) []mesh.Host {
	w.t.Helper()
	c.checkNames(w.t)
	hosts := w.theMesh()
	if len(hosts) != 4 {
		w.t.Fatalf("the mesh has %d hosts", len(hosts))
	}
	keys, places := map[tunnel.Key]bool{}, map[string]bool{}
	for i, h := range hosts {
		name := fmt.Sprint("algo-", i+1)
		keys[h.Key], places[h.Namespace+h.Address.String()] = true, true
		if spec := c.seen[name]; spec.Namespace != h.Namespace || spec.Hosts[i+1] != h.Inner.String()+" "+name || !mesh.Range.Contains(h.Inner) || mesh.Range.Contains(h.Address) {
			w.t.Errorf("%s in %s has %q, its tunnel is %s at %s in %s", name, spec.Namespace, spec.Hosts, h.Inner, h.Address, h.Namespace)
		}
		if got := device(w.t, filepath.Join(c.seen[name].Mounts[0].Source, "input/config")); got != mesh.Device {
			w.t.Errorf("%s is told of the device %q", name, got)
		}
	}
	if len(keys) != 4 || keys[tunnel.Key{}] || len(places) != 4 {
		w.t.Errorf("%d keys and %d places", len(keys), len(places))
	}
	return hosts
}

// device is what resourceconfig.json in a directory says.
func device(t *testing.T, dir string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "resourceconfig.json"))
	if err != nil {
		t.Fatal(err)
	}
	var c struct {
		Device string `json:"network_interface_name"`
	}
	if err := json.Unmarshal(b, &c); err != nil {
		t.Fatal(err)
	}
	return c.Device
}

// TestOneHostHasNobodyToSealFrom is AWS's word: of one instance, encryption changes nothing.
func TestOneHostHasNobodyToSealFrom(t *testing.T) {
	c := &cluster{}
	w, s := clusterWorld(t, c)
	w.mu.Lock()
	w.deny["mesh"] = mesh.ErrNoDevice
	w.mu.Unlock()
	w.run(s)
	for _, n := range []int32{1, 2} {
		r := clusterRequest(fmt.Sprint("of-", n))
		r.ResourceConfig.InstanceCount, r.EnableInterContainerTrafficEncryption = &n, new(true)
		w.begin(s, r)
		d := w.ended(s, fmt.Sprint("of-", n))
		if n == 1 && *d.TrainingJobStatus != completed || n == 2 && !strings.HasPrefix(text(d.FailureReason), "InternalServerError: This installation cannot encrypt ") {
			t.Errorf("of %d: %s: %s", n, *d.TrainingJobStatus, text(d.FailureReason))
		}
	}
	w.empty()
}

func TestProcessingIsSealedToo(t *testing.T) {
	m, s := processingWorld(t)
	m.run(s)
	r := processingRequest("sealed")
	r.ProcessingResources.ClusterConfig.InstanceCount = new(int32(2))
	r.NetworkConfig.EnableInterContainerTrafficEncryption = new(true)
	sealed := 0
	m.setBefore(func(call string) {
		if call == "unmesh" {
			sealed = len(m.theMesh())
		}
	})
	m.start(s, r)
	if d := m.ended(s, "sealed"); *d.ProcessingJobStatus != completed || !flag(d.NetworkConfig.EnableInterContainerTrafficEncryption) {
		t.Fatalf("%s %s", *d.ProcessingJobStatus, text(d.FailureReason))
	}
	for _, host := range []string{"algo-1", "algo-2"} {
		if got := m.files[host+" config/resourceconfig.json"]; !strings.Contains(got, `"network_interface_name":"`+mesh.Device+`"`) {
			t.Errorf("%s is told %s", host, got)
		}
	}
	if sealed != 2 {
		t.Errorf("%d hosts were sealed", sealed)
	}
	m.empty()
}
