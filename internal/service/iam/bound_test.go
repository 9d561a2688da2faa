package iam_test

import (
	"encoding/json"
	"testing"

	"cloister/internal/door/doortest"
	"cloister/internal/machine/store"
)

// Whoever takes something away does not make all others wait while every record there is gets read: records
// that nobody could read, of his account and of another, are no hindrance.
func TestWhatIsTakenAwayReadsNoOtherRecords(t *testing.T) {
	h := doortest.Open(t)
	root := h.As(t, h.Root)
	root.Query("iam", "CreateUser", "UserName", "ann").Good(t)
	root.Query("iam", "CreateGroup", "GroupName", "team").Good(t)
	root.Query("iam", "CreateRole", "RoleName", "worker", "AssumeRolePolicyDocument",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"`+prefix+`user/ann"},"Action":"sts:AssumeRole"}]}`).Good(t)
	p := root.Query("iam", "CreatePolicy", "PolicyName", "p", "PolicyDocument", doortest.Allow("s3:*")).Good(t).XML("Arn")
	unreadable := json.RawMessage(`[]`)
	for table, keys := range map[string][]string{
		"iam_entity":     {store.Key("111122223333", "user", "zoe"), store.Key("444455556666", "role", "other")},
		"iam_access_key": {store.Key("111122223333", "AKIAUNREADABLE")},
	} {
		for _, key := range keys {
			if err := h.DB.Update(t.Context(), func(tx *store.Tx) error { return store.NewTable[json.RawMessage](table).Put(tx, key, &unreadable) }); err != nil {
				t.Fatal(err)
			}
		}
	}
	root.Query("iam", "CreateAccessKey", "UserName", "ann").Good(t)
	key := root.Query("iam", "CreateAccessKey", "UserName", "ann").Good(t).XML("AccessKeyId")
	root.Query("iam", "CreateAccessKey", "UserName", "ann").Fault(t, 409, "LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2")
	root.Query("iam", "DeleteUser", "UserName", "ann").Fault(t, 409, "DeleteConflict", "Cannot delete entity, must delete access keys first.")
	root.Query("iam", "DeleteAccessKey", "UserName", "ann", "AccessKeyId", key).Good(t)
	root.Query("iam", "CreateUser", "UserName", "bob").Good(t)
	root.Query("iam", "AddUserToGroup", "UserName", "bob", "GroupName", "team").Good(t)
	root.Query("iam", "DeleteGroup", "GroupName", "team").Fault(t, 409, "DeleteConflict", "Cannot delete entity, must remove users from group first.")
	root.Query("iam", "RemoveUserFromGroup", "UserName", "bob", "GroupName", "team").Good(t)
	root.Query("iam", "DeleteGroup", "GroupName", "team").Good(t)
	root.Query("iam", "AttachRolePolicy", "RoleName", "worker", "PolicyArn", p).Good(t)
	root.Query("iam", "DeletePolicy", "PolicyArn", p).Fault(t, 409, "DeleteConflict", "Cannot delete a policy attached to entities.")
	root.Query("iam", "DetachRolePolicy", "RoleName", "worker", "PolicyArn", p).Good(t)
	root.Query("iam", "DeletePolicy", "PolicyArn", p).Good(t)
	root.Query("iam", "DeleteUser", "UserName", "bob").Good(t)
}
