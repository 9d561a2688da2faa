package catalogue

import "net/netip"

func at(last byte) netip.Addr { return netip.AddrFrom4([4]byte{203, 0, 113, last}) }

func prefixes(list ...string) (out []netip.Prefix) {
	for _, p := range list {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}

var noGov = []string{"us-gov-west-1"} // seed 000: no SageMaker endpoint services there

// host is the name that most services have, and so have their endpoints' private names.
func host(name string) []string { return []string{name + ".{r}.amazonaws.com"} }

// usual is the row of an unserved service with one name, which is its endpoint's too.
func usual(id, endpoint, name string, door byte, u Unserved) Service {
	return Service{ID: id, Endpoint: endpoint, Interface: true, Hosts: host(name), Private: host(name), Unserved: &u, Door: at(door)}
}

var (
	json  = Unserved{Protocol: "json", Names: ByTarget}
	query = Unserved{Protocol: "query", Names: ByForm}
)

// Services are all rows. S3's and DynamoDB's doors stand in their prefix lists' ranges, the others in
// TEST-NET-3: no packet to them can leave the machine by mistake and mean somebody.
var Services = []Service{
	{ID: "s3", Endpoint: "s3", Gateway: true, Interface: true, Star: true, PrivateOff: true,
		Hosts:    []string{"s3.{r}.amazonaws.com", "s3.amazonaws.com", "*.s3.{r}.amazonaws.com", "*.s3.amazonaws.com"},
		Private:  []string{"s3.{r}.amazonaws.com", "*.s3.{r}.amazonaws.com"},
		Prefixes: prefixes("52.216.0.0/15", "54.231.0.0/17"), Elsewhere: netip.MustParsePrefix("52.219.0.0/16"), Door: netip.MustParseAddr("52.216.0.10")},
	{ID: "sagemaker", Endpoint: "sagemaker.api", Interface: true, Hosts: host("api.sagemaker"), Private: host("api.sagemaker"),
		Except: noGov, Door: at(10)},
	{ID: "sagemaker", Endpoint: "sagemaker.api-fips", Interface: true, Hosts: host("api-fips.sagemaker"), Private: host("api-fips.sagemaker"),
		Except: noGov, Door: at(20)},
	{ID: "sagemakerruntime", Endpoint: "sagemaker.runtime", Interface: true, Hosts: host("runtime.sagemaker"), Private: host("runtime.sagemaker"),
		Except: noGov, Door: at(11)},
	{ID: "sagemakerruntime", Endpoint: "sagemaker.runtime-fips", Interface: true, NoPolicy: true, Hosts: host("runtime-fips.sagemaker"),
		Private: host("runtime-fips.sagemaker"), Except: noGov, Door: at(21)},
	{ID: "sts", Endpoint: "sts", Interface: true, Hosts: []string{"sts.{r}.amazonaws.com", "sts.amazonaws.com"}, Private: host("sts"), Door: at(12)},
	{ID: "logs", Endpoint: "logs", Interface: true, Hosts: host("logs"), Private: host("logs"), Door: at(13)},
	{ID: "ec2", Endpoint: "ec2", Interface: true, Hosts: host("ec2"), Private: host("ec2"), Door: at(14)},
	{ID: "route53", Global: true, Hosts: []string{"route53.amazonaws.com"}, Door: at(18)},
	{ID: "route53resolver", Endpoint: "route53resolver", Interface: true, Hosts: host("route53resolver"), Private: host("route53resolver"), Door: at(19)},
	{ID: "iam", Global: true, Hosts: []string{"iam.amazonaws.com"}, Door: at(15)},
	{ID: "organizations", Global: true, Hosts: []string{"organizations.us-east-1.amazonaws.com", "organizations.amazonaws.com"}, Door: at(23)},
	{ID: "elasticloadbalancing", Endpoint: "elasticloadbalancing", Interface: true, Hosts: host("elasticloadbalancing"), Private: host("elasticloadbalancing"), Door: at(22)},
	{ID: "ecr", Endpoint: "ecr.api", Interface: true, Hosts: host("api.ecr"), Private: host("api.ecr"), Door: at(32)},
	{ID: "ecrdkr", Endpoint: "ecr.dkr", Interface: true, Hosts: []string{"dkr.ecr.{r}.amazonaws.com", "*.dkr.ecr.{r}.amazonaws.com"},
		Private: []string{"dkr.ecr.{r}.amazonaws.com", "*.dkr.ecr.{r}.amazonaws.com"}, Door: at(33)},
	{ID: "cloister", Hosts: host("cloister"), Door: at(16)},

	{ID: "dynamodb", Endpoint: "dynamodb", Gateway: true, Interface: true, PrivateOff: true, Hosts: host("dynamodb"),
		Prefixes: prefixes("52.94.0.0/22", "52.119.224.0/20"), Elsewhere: netip.MustParsePrefix("52.94.0.0/16"), Unserved: &json, Door: netip.MustParseAddr("52.94.0.10")},
	usual("secretsmanager", "secretsmanager", "secretsmanager", 17, json),
	usual("monitoring", "monitoring", "monitoring", 30, Unserved{Protocol: "query", Prefix: "cloudwatch", Names: ByForm}),
	usual("events", "events", "events", 31, json),
	usual("kms", "kms", "kms", 34, json),
	usual("servicecatalog", "servicecatalog", "servicecatalog", 35, json),
	usual("sqs", "sqs", "sqs", 36, json),
	usual("sns", "sns", "sns", 37, query),
	usual("ssm", "ssm", "ssm", 38, json),
	usual("ssmmessages", "ssmmessages", "ssmmessages", 39, Unserved{Protocol: "rest-json", Names: Nowhere}),
	usual("ec2messages", "ec2messages", "ec2messages", 40, json),
	usual("cloudtrail", "cloudtrail", "cloudtrail", 41, json),
	usual("apigateway", "apigateway", "apigateway", 42, Unserved{Protocol: "rest-json", Names: ByMethod}),
	{ID: "execute-api", Endpoint: "execute-api", Interface: true, Hosts: []string{"*.execute-api.{r}.amazonaws.com"},
		Private: []string{"*.execute-api.{r}.amazonaws.com"}, Unserved: &Unserved{Protocol: "rest-json", Names: Invoking}, Door: at(43)},
	usual("featurestore-runtime", "sagemaker.featurestore-runtime", "featurestore-runtime.sagemaker", 44,
		Unserved{Protocol: "rest-json", Signing: "sagemaker", Names: Nowhere}),
	usual("metrics", "sagemaker.metrics", "metrics.sagemaker", 45, Unserved{Protocol: "rest-json", Signing: "sagemaker", Names: Nowhere}),
	{ID: "studio", Endpoint: "aws.sagemaker.{r}.studio", Interface: true, Tail: "studio.{r}.vpce.sagemaker.aws",
		Hosts:   []string{"studio.{r}.sagemaker.aws", "*.studio.{r}.sagemaker.aws"},
		Private: []string{"studio.{r}.sagemaker.aws", "*.studio.{r}.sagemaker.aws"}, Except: noGov, Unserved: &Unserved{}, Door: at(46)},
	{ID: "notebook", Endpoint: "aws.sagemaker.{r}.notebook", Interface: true, Tail: "notebook.{r}.vpce.sagemaker.aws",
		Hosts: []string{"*.notebook.{r}.sagemaker.aws"}, Private: []string{"*.notebook.{r}.sagemaker.aws"},
		Except: noGov, Unserved: &Unserved{}, Door: at(47)},
	{ID: "experiments", Endpoint: "aws.sagemaker.{r}.experiments", Interface: true, Tail: "experiments.{r}.vpce.sagemaker.aws",
		Hosts:   []string{"{r}.experiments.sagemaker.aws", "*.{r}.experiments.sagemaker.aws"},
		Private: []string{"{r}.experiments.sagemaker.aws", "*.{r}.experiments.sagemaker.aws"}, Except: noGov, Unserved: &Unserved{}, Door: at(48)},
	{ID: "s3-global.accesspoint", Endpoint: "com.amazonaws.s3-global.accesspoint", Interface: true, Tail: "accesspoint.s3-global.vpce.amazonaws.com",
		Hosts: []string{"*.accesspoint.s3-global.amazonaws.com"}, Private: []string{"*.accesspoint.s3-global.amazonaws.com"},
		Unserved: &Unserved{}, Door: at(49)},
}
