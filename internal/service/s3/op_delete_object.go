package s3

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/fault"
	shape "cloister/internal/value/shape/s3"
)

var (
	_ = api.Define(operations, "DeleteObject", func(_ *api.Call, in *shape.DeleteObjectRequest) []api.Check {
		return ask(deleting(in.VersionId), objectARN(in.Bucket, in.Key), given(nil, "s3:VersionId", in.VersionId)...)
	}, (*Service).deleteObject)
	_ = api.Define(operations, "DeleteObjects", func(_ *api.Call, in *shape.DeleteObjectsRequest) []api.Check {
		if in.Delete == nil || len(in.Delete.Objects) == 0 {
			return ask("DeleteObject", objectARN(in.Bucket, nil)) // to be told that nothing was named
		}
		var out []api.Check
		for _, o := range in.Delete.Objects {
			out = append(out, ask(deleting(o.VersionId), objectARN(in.Bucket, o.Key), given(nil, "s3:VersionId", o.VersionId)...)...)
		}
		return out
	}, (*Service).deleteObjects)
)

func deleting(version *string) string {
	if version != nil {
		return "DeleteObjectVersion"
	}
	return "DeleteObject"
}

// deleteObject removes an object; there need be none.
func (s *Service) deleteObject(ctx context.Context, _ *api.Call, in *shape.DeleteObjectRequest) (*shape.DeleteObjectOutput, error) {
	if err := refuseDelete(in.MFA, in.BypassGovernanceRetention); err != nil {
		return nil, err
	}
	if err := refuseVersion(in.VersionId, *in.Key); err != nil {
		return nil, err
	}
	var freed []string
	err := s.DB.Update(ctx, func(tx *store.Tx) error {
		b, err := find(tx, in.Bucket, in.ExpectedBucketOwner)
		if err != nil {
			return err
		}
		if err := deletable(tx, b, in); err != nil {
			return err
		}
		freed, err = replace(tx, b, *in.Key, nil, nil)
		return err
	})
	if err != nil {
		return nil, err
	}
	s.drop(freed...)
	return new(shape.DeleteObjectOutput), nil
}

// deletable checks the conditions of a delete.
func deletable(tx *store.Tx, b *bucket, in *shape.DeleteObjectRequest) error {
	if in.IfMatch == nil && in.IfMatchSize == nil && in.IfMatchLastModifiedTime == nil {
		return nil
	}
	o, err := objects.Get(tx, store.Key(b.Name, *in.Key))
	switch {
	case err != nil:
		return err
	case o == nil:
		return missingKey(*in.Key)
	case in.IfMatch != nil && !matches(*in.IfMatch, o.ETag):
		return failed("If-Match")
	case in.IfMatchSize != nil && *in.IfMatchSize != o.Size:
		return failed("x-amz-if-match-size")
	case in.IfMatchLastModifiedTime != nil && !in.IfMatchLastModifiedTime.Equal(o.Modified):
		return failed("x-amz-if-match-last-modified-time")
	}
	return nil
}

func refuseDelete(mfa *string, bypass *bool) error {
	if mfa != nil {
		return unimplemented("x-amz-mfa")
	}
	if bypass != nil {
		return badArgument("x-amz-bypass-governance-retention", "", "x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets.")
	}
	return nil
}

// deleteObjects removes up to a thousand objects at once.
func (s *Service) deleteObjects(ctx context.Context, _ *api.Call, in *shape.DeleteObjectsRequest) (*shape.DeleteObjectsOutput, error) {
	if err := refuseDelete(in.MFA, in.BypassGovernanceRetention); err != nil {
		return nil, err
	}
	if in.Delete == nil || len(in.Delete.Objects) == 0 || len(in.Delete.Objects) > maxPage {
		return nil, malformed()
	}
	var freed []string
	out := new(shape.DeleteObjectsOutput)
	err := s.DB.Update(ctx, func(tx *store.Tx) error {
		b, err := find(tx, in.Bucket, in.ExpectedBucketOwner)
		if err != nil {
			return err
		}
		for _, x := range in.Delete.Objects {
			single := shape.DeleteObjectRequest{Key: x.Key, IfMatch: x.ETag, IfMatchSize: x.Size, IfMatchLastModifiedTime: x.LastModifiedTime}
			err := refuseVersion(x.VersionId, *x.Key)
			if err == nil {
				err = deletable(tx, b, &single)
			}
			if f, ok := fault.As(err); ok {
				out.Errors = append(out.Errors, shape.Error{Key: x.Key, VersionId: x.VersionId, Code: &f.Code, Message: &f.Message})
				continue
			}
			if err != nil {
				return err
			}
			ids, err := replace(tx, b, *x.Key, nil, nil)
			if err != nil {
				return err
			}
			freed = append(freed, ids...)
			if in.Delete.Quiet == nil || !*in.Delete.Quiet {
				out.Deleted = append(out.Deleted, shape.DeletedObject{Key: x.Key})
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.drop(freed...)
	return out, nil
}
