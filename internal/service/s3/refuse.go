package s3

import (
	"slices"
	"time"
)

// wishes are the members of uploads that we cannot act on.
type wishes struct {
	acl                         *string
	grants                      []*string
	storageClass                *string
	encryption, kmsKey, context *string
	bucketKey                   *bool
	customer                    []*string // algorithm, key and MD5 of a customer's key
	tagging, redirect           *string
	lockMode, legalHold         *string
	retainUntil                 *time.Time
	offset                      *int64
	copiesFromKeyedBy           *string
}

// refuse answers the first wish that would be accepted and not acted on.
func (w *wishes) refuse() error {
	if err := refuseACL(w.acl, w.grants...); err != nil {
		return err
	}
	if w.storageClass != nil && *w.storageClass != "STANDARD" {
		return invalidStorageClass.New("The storage class you specified is not valid").With("StorageClassRequested", *w.storageClass)
	}
	for _, x := range []struct {
		header string
		is     bool
	}{
		{"x-amz-server-side-encryption", w.encryption != nil},
		{"x-amz-server-side-encryption-aws-kms-key-id", w.kmsKey != nil},
		{"x-amz-server-side-encryption-context", w.context != nil},
		{"x-amz-server-side-encryption-bucket-key-enabled", w.bucketKey != nil && *w.bucketKey},
		{"x-amz-server-side-encryption-customer-algorithm", slices.ContainsFunc(w.customer, isSet)},
		{"x-amz-copy-source-server-side-encryption-customer-algorithm", w.copiesFromKeyedBy != nil},
		{"x-amz-tagging", text(w.tagging) != ""},
		{"x-amz-website-redirect-location", w.redirect != nil},
		{"x-amz-object-lock-mode", w.lockMode != nil},
		{"x-amz-object-lock-legal-hold", w.legalHold != nil && *w.legalHold != "OFF"},
		{"x-amz-object-lock-retain-until-date", w.retainUntil != nil},
		{"x-amz-write-offset-bytes", w.offset != nil},
	} {
		if x.is {
			return unimplemented(x.header)
		}
	}
	return nil
}

// refuseACL is the answer of a bucket whose owner owns every object, as all are: access is by policy.
func refuseACL(acl *string, grants ...*string) error {
	if slices.ContainsFunc(grants, isSet) || acl != nil && *acl != "private" && *acl != "bucket-owner-full-control" {
		return aclNotSupported.New("The bucket does not allow ACLs")
	}
	return nil
}

// refuseCustomerKey is for operations that read.
func refuseCustomerKey(members ...*string) error {
	if slices.ContainsFunc(members, isSet) {
		return unimplemented("x-amz-server-side-encryption-customer-algorithm")
	}
	return nil
}

// refuseVersion knows the one version that there is.
func refuseVersion(id *string, key string) error {
	if id == nil || *id == "null" {
		return nil
	}
	if *id == "" {
		return badArgument("versionId", "", "Version id cannot be the empty string")
	}
	return noSuchVersion.New("The specified version does not exist.").With("Key", key).With("VersionId", *id)
}

func isSet(p *string) bool { return p != nil }
