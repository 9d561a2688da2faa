package ec2

import (
	"cloister/internal/frame/api"
	shape "cloister/internal/value/shape/ec2"
)

// describes is the check of every operation that only reads: AWS asks them of no resource.
func describes[In any](action string) func(*api.Call, *In) []api.Check {
	return func(c *api.Call, _ *In) []api.Check {
		return []api.Check{{Action: "ec2:" + action, Resource: "*", Keys: []api.Key{api.K("ec2:Region", c.Region)}}}
	}
}

// named is the check of an operation on one existing resource.
func named[In any](action, kind string, id func(*In) *string) func(*api.Call, *In) []api.Check {
	return func(c *api.Call, in *In) []api.Check {
		return []api.Check{check(c, action, kind, str(id(in)))}
	}
}

// check asks for an action on one resource; an id that was not given stands for any.
func check(c *api.Call, action, kind, id string, keys ...api.Key) api.Check {
	if id == "" {
		id = "*"
	}
	keys = append(keys, api.K("ec2:Region", c.Region))
	if key := idKeys[kind]; key != "" && id != "*" {
		keys = append(keys, api.K(key, id))
	}
	return api.Check{Action: "ec2:" + action, Resource: c.ARN("ec2", kind+"/"+id), Keys: keys}
}

// idKeys are the condition keys that repeat the id of a resource.
var idKeys = map[string]string{
	"vpc": "ec2:VpcID", "subnet": "ec2:SubnetID", "security-group": "ec2:SecurityGroupID",
	"route-table": "ec2:RouteTableID", "network-interface": "ec2:NetworkInterfaceID",
	"internet-gateway": "ec2:InternetGatewayID", "elastic-ip": "ec2:AllocationId", "vpc-peering-connection": "ec2:VpcPeeringConnectionID",
}

// creates asks for making a resource of a kind, and for tagging it when tags come along.
func creates(c *api.Call, action, kind string, specs []shape.TagSpecification, keys ...api.Key) []api.Check {
	tags := tagKeys(flatten(specs))
	out := []api.Check{check(c, action, kind, "*", append(keys, tags...)...)}
	if len(tags) > 0 {
		out = append(out, check(c, "CreateTags", kind, "*", append(tags, api.K("ec2:CreateAction", action))...))
	}
	return out
}

// each asks for an action on every one of several resources.
func each(c *api.Call, action, kind string, ids []string) (out []api.Check) {
	for _, id := range distinct(ids) {
		out = append(out, check(c, action, kind, id))
	}
	return out
}

func flatten(specs []shape.TagSpecification) (out []shape.Tag) {
	for _, s := range specs {
		out = append(out, s.Tags...)
	}
	return out
}

func tagKeys(tags []shape.Tag) (out []api.Key) {
	if len(tags) == 0 {
		return nil
	}
	var names []string
	for _, t := range tags {
		names = append(names, str(t.Key))
		out = append(out, api.K("aws:RequestTag/"+str(t.Key), str(t.Value)))
	}
	return append(out, api.Ks("aws:TagKeys", distinct(names)...))
}
