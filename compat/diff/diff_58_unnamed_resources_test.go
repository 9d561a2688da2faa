package diff

import "testing"

// TestDiff58UnnamedResources: what a call names by an association or by a group's name is asked for as any of its kind.
func TestDiff58UnnamedResources(t *testing.T) {
	vpc, subnet, _ := network(t)
	arn := func(resource string) string { return "arn:aws:ec2:" + region + ":*:" + resource }
	table := root.query(t, "ec2", "CreateRouteTable", "VpcId", vpc).good(t).one(t, "routeTableId")
	association := root.query(t, "ec2", "AssociateRouteTable", "RouteTableId", table, "SubnetId", subnet).good(t).one(t, "associationId")
	allowed := user(t, "diff-58-allowed", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:DisassociateRouteTable","Resource":["`+
		arn("route-table/"+table)+`","`+arn("subnet/"+subnet)+`"]}]}`)
	allowed.query(t, "ec2", "DisassociateRouteTable", "AssociationId", association).fault(t, 403, "UnauthorizedOperation", "route-table/*")
	root.query(t, "ec2", "DisassociateRouteTable", "AssociationId", association).good(t)
	root.query(t, "ec2", "DeleteRouteTable", "RouteTableId", table).good(t)

	group := root.query(t, "ec2", "CreateSecurityGroup", "GroupName", "diff-58", "GroupDescription", "of the default VPC").good(t).one(t, "groupId")
	denied := user(t, "diff-58-denied", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},`+
		`{"Effect":"Deny","Action":"ec2:DeleteSecurityGroup","Resource":"`+arn("security-group/"+group)+`"}]}`)
	denied.query(t, "ec2", "DeleteSecurityGroup", "GroupId", group).fault(t, 403, "UnauthorizedOperation", "explicit deny")
	denied.query(t, "ec2", "DeleteSecurityGroup", "GroupName", "diff-58").good(t)
}
