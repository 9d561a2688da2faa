package sagemaker

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"

	"cloister/internal/machine/tunnel/mesh"
)

// configure writes the three files that tell a host's container what it is to do.
func (j *trainingJob) configure(dir string, host int) error {
	parameters := j.Request.HyperParameters
	if parameters == nil {
		parameters = map[string]string{}
	}
	for name, v := range map[string]any{
		"hyperparameters.json": parameters, "inputdataconfig.json": j.channels(), "resourceconfig.json": j.resources(host),
	} {
		b, err := json.Marshal(v)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// channels is inputdataconfig.json.
func (j *trainingJob) channels() map[string]map[string]string {
	out := map[string]map[string]string{}
	for i, c := range j.inputs() {
		one := map[string]string{"TrainingInputMode": c.Mode, "S3DistributionType": c.Distribution, "RecordWrapperType": c.Wrapper}
		if kind := j.Request.InputDataConfig[i].ContentType; kind != nil {
			one["ContentType"] = *kind
		}
		out[c.Name] = one
	}
	return out
}

// instanceGroup is one in resourceconfig.json.
type instanceGroup struct {
	Name  string   `json:"instance_group_name"`
	Type  string   `json:"instance_type"`
	Hosts []string `json:"hosts"`
}

// device is the network device by which a host reaches its peers.
func (h *jobHost) device() string {
	if h.Encrypted.IsValid() {
		return mesh.Device
	}
	return "eth0"
}

// resources is resourceconfig.json as a host sees it.
func (j *jobState) resources(host int) map[string]any {
	var names []string
	var groups []instanceGroup
	for _, h := range j.Hosts {
		names = append(names, h.Name)
		i := slices.IndexFunc(groups, func(g instanceGroup) bool { return g.Name == h.Group })
		if i < 0 {
			i, groups = len(groups), append(groups, instanceGroup{Name: h.Group, Type: h.Type})
		}
		groups[i].Hosts = append(groups[i].Hosts, h.Name)
	}
	slices.Sort(names)
	own := j.Hosts[host]
	return map[string]any{
		"current_host": own.Name, "hosts": names, "network_interface_name": own.device(),
		"current_instance_type": own.Type, "current_group_name": own.Group, "instance_groups": groups,
	}
}
