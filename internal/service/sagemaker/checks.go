package sagemaker

import (
	"strconv"

	"cloister/internal/frame/api"
	"cloister/internal/value/shape/sagemaker"
)

// may asks for one action on one resource of the caller's account.
func may(c *api.Call, action, kind, name string, keys ...api.Key) []api.Check {
	return []api.Check{{Action: "sagemaker:" + action, Resource: resource(c, kind, name), Keys: keys}}
}

// mayList asks for an action that names no resource.
func mayList(action string) []api.Check {
	return []api.Check{{Action: "sagemaker:" + action, Resource: "*"}}
}

// resource is an ARN of the caller's account; names stand in it in lower case.
func resource(c *api.Call, kind, name string) string {
	return c.ARN("sagemaker", kind+"/"+lower(name))
}

// passing adds the question whether the caller may give a role to the service.
func passing(checks []api.Check, role *string) []api.Check {
	if text(role) == "" {
		return checks
	}
	return append(checks, api.Check{Action: "iam:PassRole", Resource: *role, Keys: []api.Key{api.K("iam:PassedToService", principal)}})
}

// tagging adds what creating with tags asks for: their keys on the creating action, and AddTags.
func tagging(checks []api.Check, tags []sagemaker.Tag) []api.Check {
	if len(tags) == 0 {
		return checks
	}
	keys := tagKeys(tags)
	checks[0].Keys = append(checks[0].Keys, keys...)
	return append(checks, api.Check{Action: "sagemaker:AddTags", Resource: checks[0].Resource, Keys: keys})
}

func tagKeys(tags []sagemaker.Tag) []api.Key {
	var names []string
	var keys []api.Key
	for _, t := range tags {
		names = append(names, text(t.Key))
		keys = append(keys, api.K("aws:RequestTag/"+text(t.Key), text(t.Value)))
	}
	return append(keys, api.Ks("aws:TagKeys", names...))
}

// facts gathers the sagemaker:* condition keys of a request; an absent value leaves its key absent.
type facts []api.Key

func (f *facts) text(name string, v *string) {
	if v != nil && *v != "" {
		*f = append(*f, api.K("sagemaker:"+name, *v))
	}
}

func (f *facts) flag(name string, v *bool) {
	if v != nil {
		*f = append(*f, api.K("sagemaker:"+name, strconv.FormatBool(*v)))
	}
}

func (f *facts) number(name string, v *int32) {
	if v != nil {
		*f = append(*f, api.K("sagemaker:"+name, strconv.Itoa(int(*v))))
	}
}

func (f *facts) list(name string, v ...string) {
	if len(v) > 0 {
		*f = append(*f, api.Ks("sagemaker:"+name, v...))
	}
}

func (f *facts) vpc(v *sagemaker.VpcConfig) {
	if v != nil {
		f.list("VpcSubnets", v.Subnets...)
		f.list("VpcSecurityGroupIds", v.SecurityGroupIds...)
	}
}
