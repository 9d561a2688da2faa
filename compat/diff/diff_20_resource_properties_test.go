package diff

import "testing"

// TestDiff20ResourceProperties: conditions on the VPC of an existing resource find no such key; those on its tags do.
func TestDiff20ResourceProperties(t *testing.T) {
	vpc, subnet, _ := network(t)
	root.query(t, "ec2", "CreateTags", "ResourceId.1", subnet, "Tag.1.Key", "team", "Tag.1.Value", "red").good(t)
	on := func(effect, key, value string) string {
		return `{"Effect":"` + effect + `","Action":"ec2:ModifySubnetAttribute","Resource":"*","Condition":{"StringEquals":{"` + key + `":"` + value + `"}}}`
	}
	only := func(name, statement string) *client {
		return user(t, "diff-20-"+name, `{"Version":"2012-10-17","Statement":[`+statement+`]}`)
	}
	but := func(name, statement string) *client {
		return only(name, `{"Effect":"Allow","Action":"*","Resource":"*"},`+statement)
	}
	modify := []string{"SubnetId", subnet, "MapPublicIpOnLaunch.Value", "false"}
	vpcARN := "arn:aws:ec2:" + region + ":" + account + ":vpc/" + vpc
	only("vpc", on("Allow", "ec2:Vpc", vpcARN)).query(t, "ec2", "ModifySubnetAttribute", modify...).fault(t, 403, "UnauthorizedOperation", "no identity-based policy allows")
	but("not-vpc", on("Deny", "ec2:Vpc", vpcARN)).query(t, "ec2", "ModifySubnetAttribute", modify...).good(t)
	for i, key := range []string{"aws:ResourceTag/team", "ec2:ResourceTag/Team"} {
		name := string(rune('a' + i))
		only("tag-"+name, on("Allow", key, "red")).query(t, "ec2", "ModifySubnetAttribute", modify...).good(t)
		only("blue-"+name, on("Allow", key, "blue")).query(t, "ec2", "ModifySubnetAttribute", modify...).fault(t, 403, "UnauthorizedOperation", "no identity-based policy allows")
		but("not-tag-"+name, on("Deny", key, "red")).query(t, "ec2", "ModifySubnetAttribute", modify...).fault(t, 403, "UnauthorizedOperation", "with an explicit deny in an identity-based policy")
	}
}
