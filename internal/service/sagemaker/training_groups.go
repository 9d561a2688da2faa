package sagemaker

import (
	"cloister/internal/value/fault"
	"cloister/internal/value/shape/sagemaker"
)

// limitExceeded is a quota's.
var limitExceeded = fault.Kind{Code: "ResourceLimitExceeded", Status: 400}

const (
	// homogeneous is what the group is called of a job whose instances are all alike.
	homogeneous = "homogeneousCluster"
	mostGroups  = 5
	// mostHosts is how many instances one job may have.
	mostHosts = 100
)

// groupsOf are the groups of instances that a training job asks for, in order.
func groupsOf(r *sagemaker.ResourceConfig) []sagemaker.InstanceGroup {
	if len(r.InstanceGroups) > 0 {
		return r.InstanceGroups
	}
	return []sagemaker.InstanceGroup{{InstanceGroupName: new(homogeneous), InstanceType: r.InstanceType, InstanceCount: new(number(r.InstanceCount, 1))}}
}

// validGroups refuses groups that cannot be had.
func (s *Service) validGroups(in *sagemaker.CreateTrainingJobRequest) error {
	r := in.ResourceConfig
	switch {
	case len(r.InstanceGroups) > 0 && (r.InstanceType != nil || r.InstanceCount != nil):
		return validation.New("ResourceConfig.InstanceGroups cannot be given together with InstanceType or InstanceCount.")
	case len(r.InstanceGroups) > mostGroups:
		return validation.New("ResourceConfig.InstanceGroups: a job has at most %d instance groups.", mostGroups)
	case len(r.InstanceGroups) == 0 && text(r.InstanceType) == "":
		return validation.New("ResourceConfig.InstanceType is required.")
	}
	names, total := map[string]bool{}, 0
	for _, g := range groupsOf(r) {
		name, n := text(g.InstanceGroupName), int(number(g.InstanceCount, 0))
		if name == "" || names[name] {
			return validation.New("ResourceConfig.InstanceGroups: each group has a name of its own; %q is not.", name)
		}
		if n < 1 {
			return validation.New("ResourceConfig.InstanceCount must be at least 1.")
		}
		if err := s.available("training-job", text(g.InstanceType)); err != nil {
			return err
		}
		names[name] = true
		if total += min(n, mostHosts+1); total > mostHosts {
			return tooMany("training", n)
		}
	}
	return nil
}

// tooMany refuses a job of more instances than one may have, whatever the configuration says of quotas.
func tooMany(kind string, n int) error {
	return limitExceeded.New("The account-level service limit 'Number of instances for a %s job' is %d Instances, with current utilization of 0 Instances and a request delta of %d Instances. "+
		"Please use AWS Service Quotas to request an increase for this quota. If AWS Service Quotas is not available, contact AWS support to request an increase for this quota.", kind, mostHosts, n)
}
