package sagemaker

// ServiceLinkedRole is a role that the service has in each account to keep house there.
type ServiceLinkedRole struct{ Service, Name, Policy string }

// linkedRole is the name of the role for what the service does for itself and not for a job's role:
// taking its network interfaces away, also when the job's role is gone.
const linkedRole = "AWSServiceRoleForAmazonSageMaker"

// ServiceLinkedRoles are the roles that must be known to the directory.
var ServiceLinkedRoles = []ServiceLinkedRole{{Service: principal, Name: linkedRole, Policy: `{"Version":"2012-10-17","Statement":[
	{"Sid":"Interfaces","Effect":"Allow","Action":["ec2:DescribeNetworkInterfaces","ec2:DeleteNetworkInterface"],"Resource":"*"}]}`}}
