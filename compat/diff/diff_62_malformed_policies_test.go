package diff

import "testing"

// TestDiff62MalformedPolicies: the sentence about a malformed policy goes on to say where.
func TestDiff62MalformedPolicies(t *testing.T) {
	organization(t)
	create := func(document string) answer {
		return root.json(t, "organizations", "CreatePolicy", object{"Type": "SERVICE_CONTROL_POLICY", "Name": "diff-62", "Description": "", "Content": document})
	}
	const sentence = "The provided policy document does not meet the requirements of the specified policy type."
	create("{").fault(t, 400, "MalformedPolicyDocumentException", sentence+" Syntax error at position (1,")
	create(`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*"}]}`).fault(t, 400, "MalformedPolicyDocumentException", sentence+" Policy statement must contain resources. (line 1, column 38)")
	role := func(document string) answer {
		return root.query(t, "iam", "CreateRole", "RoleName", "diff-62", "AssumeRolePolicyDocument", document)
	}
	root.query(t, "iam", "CreatePolicy", "PolicyName", "diff-62", "PolicyDocument", policy("Allow", "GetObject", "*")).
		fault(t, 400, "MalformedPolicyDocument", "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc. (line 1, column ")
	role("{").fault(t, 400, "MalformedPolicyDocument", "This policy contains invalid Json (line 1, column 2)")
}
