package s3

import (
	"context"
	"encoding/base64"
	"strings"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/s3"
)

var _ = api.Define(operations, "ListBuckets", func(_ *api.Call, _ *shape.ListBucketsRequest) []api.Check {
	return ask("ListAllMyBuckets", "*")
}, (*Service).listBuckets)

// maxBuckets is how many buckets are listed at once.
const maxBuckets = 10000

// listBuckets lists the buckets of the caller's account by name.
func (s *Service) listBuckets(ctx context.Context, c *api.Call, in *shape.ListBucketsRequest) (*shape.ListBucketsOutput, error) {
	most, after := maxBuckets, ""
	if in.MaxBuckets != nil {
		if most = int(*in.MaxBuckets); most < 1 || most > maxBuckets {
			return nil, badArgument("max-buckets", itoa(*in.MaxBuckets), "Argument max-buckets must be an integer between 1 and %d", maxBuckets)
		}
	}
	if in.ContinuationToken != nil {
		t, err := base64.URLEncoding.DecodeString(*in.ContinuationToken)
		if err != nil {
			return nil, badToken(*in.ContinuationToken)
		}
		after = string(t)
	}
	out := &shape.ListBucketsOutput{Buckets: []shape.Bucket{}, Owner: &shape.Owner{ID: canonical(c.Account())}, Prefix: in.Prefix}
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		all, err := buckets.All(tx, text(in.Prefix))
		if err != nil {
			return err
		}
		for _, b := range all {
			if b.Account != c.Account() || after != "" && strings.Compare(b.Name, after) <= 0 || in.BucketRegion != nil && *in.BucketRegion != s.region(b) {
				continue
			}
			if len(out.Buckets) == most {
				out.ContinuationToken = new(base64.URLEncoding.EncodeToString([]byte(*out.Buckets[most-1].Name)))
				return nil
			}
			out.Buckets = append(out.Buckets, shape.Bucket{Name: &b.Name, CreationDate: &b.Created, BucketRegion: new(s.region(b)), BucketArn: new(b.arn())})
		}
		return nil
	})
	return out, err
}

func badToken(t string) error {
	return badArgument("continuation-token", t, "The continuation token provided is incorrect")
}
