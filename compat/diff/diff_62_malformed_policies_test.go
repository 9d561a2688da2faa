package diff

import "testing"

// TestDiff62MalformedPolicies: the sentence about a malformed policy of an organisation goes on to say where.
func TestDiff62MalformedPolicies(t *testing.T) {
	organization(t)
	create := func(document string) answer {
		return root.json(t, "organizations", "CreatePolicy", object{"Type": "SERVICE_CONTROL_POLICY", "Name": "diff-62", "Description": "", "Content": document})
	}
	const sentence = "The provided policy document does not meet the requirements of the specified policy type."
	create("{").fault(t, 400, "MalformedPolicyDocumentException", sentence+" Syntax error at position (1,")
	create(`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*"}]}`).fault(t, 400, "MalformedPolicyDocumentException", sentence+" Policy statement must contain resources.")
}
