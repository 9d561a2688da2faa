package sagemaker

import (
	"slices"
	"strings"

	"cloister/internal/frame/api"
	"cloister/internal/value/shape/sagemaker"
)

// may asks for one action on one resource of the caller's account.
func may(c *api.Call, action, kind, name string) []api.Check {
	return []api.Check{{Action: "sagemaker:" + action, Resource: resource(c, kind, name)}}
}

// telling is may with what the request tells the policies: see keyTable.
func telling(c *api.Call, action, kind, name string, in any) []api.Check {
	var out []api.Check
	for _, keys := range asked(c, action, in) {
		out = append(out, api.Check{Action: "sagemaker:" + action, Resource: resource(c, kind, name), Keys: keys})
	}
	return out
}

// mayList asks for an action that names no resource.
func mayList(action string) []api.Check {
	return []api.Check{{Action: "sagemaker:" + action, Resource: "*"}}
}

// resource is an ARN of the caller's account; names stand in it in lower case.
func resource(c *api.Call, kind, name string) string {
	return c.ARN("sagemaker", kind+"/"+lower(name))
}

// passing adds the question whether the caller may give a role to the service, for the resource of the checks.
// A role of another account is no question: the operation refuses it (see ownRole), and says why.
func passing(c *api.Call, checks []api.Check, role *string) []api.Check {
	if text(role) == "" || foreign(c.Account(), *role) {
		return checks
	}
	return append(checks, api.Check{Action: "iam:PassRole", Resource: *role, Keys: []api.Key{
		api.K("iam:PassedToService", principal), api.K("iam:AssociatedResourceArn", checks[0].Resource),
	}})
}

// tagging adds what creating with tags asks for: their keys on the creating action, and AddTags, which is told
// what it is done for.
func tagging(checks []api.Check, tags []sagemaker.Tag) []api.Check {
	if len(tags) == 0 {
		return checks
	}
	action, keys := checks[0].Action, tagKeys(tags)
	for i := range checks {
		if checks[i].Action == action {
			checks[i].Keys = slices.Concat(checks[i].Keys, keys)
		}
	}
	done := api.K("sagemaker:TaggingAction", strings.TrimPrefix(action, "sagemaker:"))
	return append(checks, api.Check{Action: "sagemaker:AddTags", Resource: checks[0].Resource, Keys: append(slices.Clone(keys), done)})
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
