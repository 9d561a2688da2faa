package compat

import (
	"strings"
	"testing"
)

// TestKMeansOnSeveralHosts trains one model on two instances: over their group's own rule in a VPC,
// and over the network that isolated hosts have between them. The names of the image are AWS's.
func TestKMeansOnSeveralHosts(t *testing.T) {
	t.Parallel()
	d := own(t)
	d.provide(t)
	v := d.vpc(t)
	hyperparameters := `{"k":"10","feature_dim":"64","epochs":"2","mini_batch_size":"500"}`
	two := []string{"--resource-config", "InstanceType=ml.m5.large,InstanceCount=2,VolumeSizeInGB=1"}

	v.permit(t, v.group, "7077")
	open := v.job(t, "together", kmeans, hyperparameters, two...)
	isolated := v.job(t, "isolated", strings.TrimSuffix(kmeans, "1")+"latest", hyperparameters, append(two, "--enable-network-isolation")...)
	for _, job := range []string{open, isolated} {
		v.completed(t, job)
		log := strings.Join(v.log(t, job), "\n")
		for _, want := range []string{"#progress_metric: host=algo-1, completed 100.0 %", "#progress_metric: host=algo-2, completed 100.0 %", "#quality_metric: host=algo-2, train msd <loss>="} {
			if !strings.Contains(log, want) {
				t.Errorf("job %s: no %s in\n%s", job, want, log)
			}
		}
	}
	v.deploy(t, open, "together")
}
