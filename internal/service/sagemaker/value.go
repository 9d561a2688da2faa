package sagemaker

import (
	"strings"
	"time"
)

// text, number, flag and list are what an absent member means.
func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

func number(p *int32, absent int32) int32 {
	if p == nil {
		return absent
	}
	return *p
}

func flag(p *bool) bool { return p != nil && *p }

// orText gives p, or what an absent one stands for.
func orText(p *string, absent string) *string {
	if p == nil || *p == "" {
		return &absent
	}
	return p
}

// stamp is a time as SageMaker shows it: to the millisecond.
func stamp(t time.Time) *time.Time {
	t = t.UTC().Truncate(time.Millisecond)
	return &t
}

// at is stamp for a time that may not have come.
func at(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	return stamp(*t)
}

// lower is how a name stands in an ARN and in a key: SageMaker's names are unique without case.
func lower(name string) string { return strings.ToLower(name) }

// splitS3 splits s3://bucket/key.
func splitS3(uri string) (bucket, key string, ok bool) {
	rest, ok := strings.CutPrefix(uri, "s3://")
	if !ok {
		return "", "", false
	}
	bucket, key, _ = strings.Cut(rest, "/")
	return bucket, key, bucket != ""
}

// sameAccount is the ARN of another resource beside one of ours.
func sameAccount(arn, resource string) string {
	p := strings.SplitN(arn, ":", 6)
	if len(p) != 6 {
		return resource
	}
	return strings.Join(p[:5], ":") + ":" + resource
}
