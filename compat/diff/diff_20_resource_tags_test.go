package diff

import "testing"

// TestDiff20ResourceTags: conditions on the tags or the VPC of an existing resource find no such key.
func TestDiff20ResourceTags(t *testing.T) {
	_, subnet, _ := network(t)
	root.query(t, "ec2", "CreateTags", "ResourceId.1", subnet, "Tag.1.Key", "team", "Tag.1.Value", "red").good(t)
	on := func(effect string) string {
		return `{"Effect":"` + effect + `","Action":"ec2:ModifySubnetAttribute","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"red"}}}`
	}
	modify := []string{"SubnetId", subnet, "MapPublicIpOnLaunch.Value", "false"}
	allowed := user(t, "diff-20-allowed", `{"Version":"2012-10-17","Statement":[`+on("Allow")+`]}`)
	allowed.query(t, "ec2", "ModifySubnetAttribute", modify...).fault(t, 403, "UnauthorizedOperation", "no identity-based policy allows")
	denied := user(t, "diff-20-denied", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},`+on("Deny")+`]}`)
	denied.query(t, "ec2", "ModifySubnetAttribute", modify...).good(t)
}
