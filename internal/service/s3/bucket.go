package s3

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"strings"
	"time"

	"cloister/internal/engine/policy"
	"cloister/internal/frame/directory"
	"cloister/internal/machine/store"
)

// bucket is the record of a bucket. ID tells it from an earlier or later one of the same name.
type bucket struct {
	Name, Account, ID string
	Created           time.Time
	Region            string `json:",omitempty"` // empty is the first
	Policy            string `json:",omitempty"`
	// Principals are the unique ids of the users and roles that the policy names: one made later
	// under the same name is not meant.
	Principals map[string]string `json:",omitempty"`
}

// buckets are keyed by name, for names belong to the whole world.
var buckets = store.NewTable[bucket]("s3_bucket")

func (b *bucket) arn() string { return "arn:aws:s3:::" + b.Name }

// resource is what the directory is to know of a bucket.
func (b *bucket) resource() (*directory.Resource, error) {
	r := &directory.Resource{ARN: b.arn(), Account: b.Account}
	if b.Policy == "" {
		return r, nil
	}
	d, err := policy.Parse(b.Policy)
	if err != nil {
		return nil, err
	}
	r.Policy = attached(r.ARN, b.Account, d.Bind(func(arn string) (string, bool) {
		id, ok := b.Principals[arn]
		return id, ok
	}))
	return r, nil
}

// find gives the bucket of a name; expected is the account that the caller thinks owns it.
func find(tx *store.Tx, name, expected *string) (*bucket, error) {
	if e := text(expected); expected != nil && !isAccount(e) {
		return nil, invalidBucketOwner.New("The value of the expected bucket owner parameter must be an AWS Account ID... [%s]", e)
	}
	if !validName(text(name)) {
		return nil, invalidBucketName.New("The specified bucket is not valid.").With("BucketName", text(name))
	}
	b, err := buckets.Get(tx, *name)
	switch {
	case err != nil:
		return nil, err
	case b == nil:
		return nil, missingBucket(*name)
	case expected != nil && *expected != b.Account:
		return nil, accessDenied.New("Access Denied")
	}
	return b, nil
}

// same makes sure that a bucket seen earlier is still that one.
func (b *bucket) same(tx *store.Tx) error {
	now, err := buckets.Get(tx, b.Name)
	if err == nil && (now == nil || now.ID != b.ID) {
		err = missingBucket(b.Name)
	}
	return err
}

func isAccount(s string) bool {
	return len(s) == 12 && strings.Trim(s, "0123456789") == ""
}

// reserved beginnings and ends of bucket names.
var (
	reservedPrefixes = []string{"xn--", "sthree-", "amzn-s3-demo-"}
	reservedSuffixes = []string{"-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"}
)

// validName is S3's rule for names of general purpose buckets.
func validName(s string) bool {
	if len(s) < 3 || len(s) > 63 || strings.Contains(s, "..") || !alphanumeric(s[0]) || !alphanumeric(s[len(s)-1]) {
		return false
	}
	for i := range len(s) {
		if !alphanumeric(s[i]) && s[i] != '-' && s[i] != '.' {
			return false
		}
	}
	for _, p := range reservedPrefixes {
		if strings.HasPrefix(s, p) {
			return false
		}
	}
	for _, p := range reservedSuffixes {
		if strings.HasSuffix(s, p) {
			return false
		}
	}
	a, err := netip.ParseAddr(s)
	return err != nil || !a.Is4()
}

func alphanumeric(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }

// canonical is the canonical user id of an account: one that no other account has.
func canonical(account string) *string {
	sum := sha256.Sum256([]byte("canonical user of " + account))
	return new(hex.EncodeToString(sum[:]))
}
