package diff

import "testing"

// TestDiff43PlainLogGroups: a group keeps everything for ever, unencrypted.
func TestDiff43PlainLogGroups(t *testing.T) {
	for field, value := range map[string]any{"kmsKeyId": "arn:aws:kms:us-east-1:123456789012:key/x", "logGroupClass": "INFREQUENT_ACCESS", "deletionProtectionEnabled": true} {
		root.json(t, "logs", "CreateLogGroup", object{"logGroupName": "diff-43", field: value}).
			fault(t, 400, "InvalidParameterException", field+" is not supported by Cloister yet: remove it from the request.")
	}
	root.json(t, "logs", "CreateLogGroup", object{"logGroupName": "diff-43", "tags": object{"team": "red"}}).good(t)
	for _, operation := range []string{"PutRetentionPolicy", "PutMetricFilter", "PutSubscriptionFilter", "CreateExportTask"} {
		root.json(t, "logs", operation, object{"logGroupName": "diff-43"}).fault(t, 400, "UnknownOperationException", "")
	}
}
