package policy

import "strings"

// controlledServices are those whose resources a resource control policy reaches, as AWS Organizations' guide lists
// them ("List of AWS services that support RCPs").
var controlledServices = map[string]bool{
	"aoss": true, "appconfig": true, "appstream": true, "autoscaling": true, "autoscaling-plans": true, "budgets": true,
	"clouddirectory": true, "cloudfront": true, "cloudsearch": true, "cloudtrail-data": true, "codeartifact": true,
	"codebuild": true, "codecommit": true, "codepipeline": true, "cognito-identity": true, "cognito-idp": true, "comprehend": true,
	"comprehendmedical": true, "compute-optimizer": true, "cost-optimization-hub": true, "dax": true, "dsql": true,
	"dynamodb": true, "ecr": true, "ecr-public": true, "events": true, "firehose": true, "fis": true, "fms": true, "gamelift": true,
	"health": true, "inspector-scan": true, "kendra": true, "kinesisvideo": true, "kms": true, "logs": true, "memorydb": true,
	"networkmonitor": true, "notifications": true, "opensearch": true, "pca-connector-ad": true, "personalize": true, "polly": true,
	"pricing": true, "resource-groups": true, "rolesanywhere": true, "s3": true, "secretsmanager": true, "servicediscovery": true,
	"signin": true, "sqs": true, "sts": true, "support": true, "swf": true, "textract": true, "timestream-influxdb": true,
	"transcribe": true, "transfer": true, "translate": true, "wafv2": true, "workspaces": true, "xray": true,
}

// Controlled tells whether resource control policies reach an action; the others never ask them.
func Controlled(action string) bool {
	service, name, _ := strings.Cut(action, ":")
	return controlledServices[fold(service)] && !(foldEqual(service, "kms") && foldEqual(name, "RetireGrant"))
}

// fixed tells whether an action would change what nobody may: AWS's own policies, and the roles that AWS keeps in
// an account for itself. Reading them is like reading anything else.
func fixed(action, resource string) bool {
	service, name, _ := strings.Cut(action, ":")
	if !foldEqual(service, "iam") || !strings.Contains(resource, ":iam::") {
		return false
	}
	name = fold(name)
	if strings.HasPrefix(name, "get") || strings.HasPrefix(name, "list") {
		return false
	}
	return strings.Contains(resource, ":iam::aws:policy/") || strings.Contains(resource, ":role/aws-reserved/")
}

// Settled answers the requests that AWS answers whatever the policies say: everybody may ask who he is, even where
// that is denied, and nobody changes what is AWS's own. The server's services do the same by themselves.
func Settled(r *Request, decided Result) Result {
	switch {
	case foldEqual(r.Action, "sts:GetCallerIdentity") && r.Principal.Kind != Anonymous:
		return Result{Effect: Allowed}
	case decided.Effect == Allowed && fixed(r.Action, r.Resource):
		return Result{}
	}
	return decided
}
