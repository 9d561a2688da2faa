package diff

import "testing"

// TestDiff60SmallOrganizations: an organisation has two types of policy, no delegation and no mail; an account is made at once.
func TestDiff60SmallOrganizations(t *testing.T) {
	root.json(t, "organizations", "CreateOrganization", object{"FeatureSet": "CONSOLIDATED_BILLING"}).fault(t, 400, "InvalidInputException", "is not supported by Cloister")
	o := organization(t)
	if mail, has := o["MasterAccountEmail"]; has {
		t.Errorf("the management account has an e-mail address: %v", mail)
	}
	id := root.json(t, "organizations", "ListRoots", object{}).object(t)["Roots"].([]any)[0].(object)["Id"]
	root.json(t, "organizations", "EnablePolicyType", object{"RootId": id, "PolicyType": "TAG_POLICY"}).fault(t, 400, "InvalidInputException", "TAG_POLICY are not supported by Cloister")
	root.json(t, "organizations", "InviteAccountToOrganization", object{"Target": object{"Type": "EMAIL", "Id": "ann@example.com"}}).fault(t, 400, "InvalidInputException", "sends no mail")
	for _, operation := range []string{"RegisterDelegatedAdministrator", "EnableAWSServiceAccess", "CloseAccount"} {
		root.json(t, "organizations", operation, object{}).fault(t, 400, "UnknownOperationException", "")
	}
	made := root.json(t, "organizations", "CreateAccount", object{"AccountName": "made", "Email": "made@example.com"}).object(t)["CreateAccountStatus"].(object)
	if made["State"] != "SUCCEEDED" {
		t.Errorf("the account is %v", made)
	}
	root.json(t, "organizations", "RemoveAccountFromOrganization", object{"AccountId": made["AccountId"]}).good(t)
}
