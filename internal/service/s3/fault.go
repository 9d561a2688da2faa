package s3

import (
	"strconv"

	"cloister/internal/value/fault"
)

// The kinds of faults, with S3's own codes (facts aws-observed, s3).
var (
	accessDenied        = fault.Kind{Code: "AccessDenied", Status: 403}
	aclNotSupported     = fault.Kind{Code: "AccessControlListNotSupported", Status: 400}
	badDigest           = fault.Kind{Code: "BadDigest", Status: 400}
	bucketExists        = fault.Kind{Code: "BucketAlreadyExists", Status: 409}
	bucketOwned         = fault.Kind{Code: "BucketAlreadyOwnedByYou", Status: 409}
	bucketNotEmpty      = fault.Kind{Code: "BucketNotEmpty", Status: 409}
	conditionalConflict = fault.Kind{Code: "ConditionalRequestConflict", Status: 409}
	entityTooLarge      = fault.Kind{Code: "EntityTooLarge", Status: 400}
	entityTooSmall      = fault.Kind{Code: "EntityTooSmall", Status: 400}
	illegalLocation     = fault.Kind{Code: "IllegalLocationConstraintException", Status: 400}
	incompleteBody      = fault.Kind{Code: "IncompleteBody", Status: 400}
	invalidArgument     = fault.Kind{Code: "InvalidArgument", Status: 400}
	invalidBucketName   = fault.Kind{Code: "InvalidBucketName", Status: 400}
	invalidBucketOwner  = fault.Kind{Code: "InvalidBucketOwnerAWSAccountID", Status: 400}
	invalidDigest       = fault.Kind{Code: "InvalidDigest", Status: 400}
	invalidLocation     = fault.Kind{Code: "InvalidLocationConstraint", Status: 400}
	invalidPart         = fault.Kind{Code: "InvalidPart", Status: 400}
	invalidPartNumber   = fault.Kind{Code: "InvalidPartNumber", Status: 416}
	invalidPartOrder    = fault.Kind{Code: "InvalidPartOrder", Status: 400}
	invalidRange        = fault.Kind{Code: "InvalidRange", Status: 416}
	invalidRequest      = fault.Kind{Code: "InvalidRequest", Status: 400}
	invalidStorageClass = fault.Kind{Code: "InvalidStorageClass", Status: 400}
	invalidURI          = fault.Kind{Code: "InvalidURI", Status: 400}
	keyTooLong          = fault.Kind{Code: "KeyTooLongError", Status: 400}
	malformedPolicy     = fault.Kind{Code: "MalformedPolicy", Status: 400}
	malformedXML        = fault.Kind{Code: "MalformedXML", Status: 400}
	metadataTooLarge    = fault.Kind{Code: "MetadataTooLarge", Status: 400}
	missingLength       = fault.Kind{Code: "MissingContentLength", Status: 411}
	noSuchBucket        = fault.Kind{Code: "NoSuchBucket", Status: 404}
	noSuchBucketPolicy  = fault.Kind{Code: "NoSuchBucketPolicy", Status: 404}
	noSuchKey           = fault.Kind{Code: "NoSuchKey", Status: 404}
	noSuchUpload        = fault.Kind{Code: "NoSuchUpload", Status: 404}
	noSuchVersion       = fault.Kind{Code: "NoSuchVersion", Status: 404}
	notImplemented      = fault.Kind{Code: "NotImplemented", Status: 501}
	notModified         = fault.Kind{Code: "NotModified", Status: 304}
	permanentRedirect   = fault.Kind{Code: "PermanentRedirect", Status: 301}
	preconditionFailed  = fault.Kind{Code: "PreconditionFailed", Status: 412}
)

func missingBucket(name string) error {
	return noSuchBucket.New("The specified bucket does not exist").With("BucketName", name)
}

func missingKey(key string) error {
	return noSuchKey.New("The specified key does not exist.").With("Key", key)
}

func missingUpload(id string) error {
	return noSuchUpload.New("The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.").With("UploadId", id)
}

func badArgument(name, value, format string, args ...any) error {
	return invalidArgument.New(format, args...).With("ArgumentName", name).With("ArgumentValue", value)
}

func failed(condition string) error {
	return preconditionFailed.New("At least one of the pre-conditions you specified did not hold").With("Condition", condition)
}

func unimplemented(header string) error {
	return notImplemented.New("A header you provided implies functionality that is not implemented").With("Header", header)
}

func malformed() error {
	return malformedXML.New("The XML you provided was not well-formed or did not validate against our published schema")
}

func tooLarge(proposed, most int64) error {
	return entityTooLarge.New("Your proposed upload exceeds the maximum allowed size").
		With("ProposedSize", strconv.FormatInt(proposed, 10)).With("MaxSizeAllowed", strconv.FormatInt(most, 10))
}
