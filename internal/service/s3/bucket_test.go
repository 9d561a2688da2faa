package s3

import (
	"fmt"
	"strings"
	"testing"
)

func TestNamesOfBuckets(t *testing.T) {
	for _, good := range []string{"abc", "a-b.c9", "1ab", strings.Repeat("a", 63), "1.2.3", "a.1.2.3", "256.1.1.1"} {
		if !validName(good) {
			t.Errorf("%q is refused", good)
		}
	}
	for _, bad := range []string{"", "ab", strings.Repeat("a", 64), "Abc", "a_b", "-ab", "ab-", ".ab", "ab.", "a..b", "1.2.3.4", "xn--ab", "sthree-a", "ab-s3alias", "a--x-s3", "aé1", "a/b"} {
		if validName(bad) {
			t.Errorf("%q is allowed", bad)
		}
	}
}

func TestBucketsBelongToTheWholeWorld(t *testing.T) {
	h, c, o := bucketFor(t, "data")
	c.do("PUT", "/data", "").good(t).header(t, "Location", "/data") // us-east-1 says yes again
	o.do("PUT", "/data", "").refused(t, 409, "BucketAlreadyExists").has(t, "BucketName", "data")
	o.do("PUT", "/other", "").good(t)
	c.do("PUT", "/Data", "").refused(t, 400, "InvalidBucketName").has(t, "BucketName", "Data")
	c.do("GET", "/Data", "").refused(t, 400, "InvalidBucketName")
	for range 2 {
		if a := c.do("GET", "/", "").good(t); fmt.Sprint(a.all("Name")) != "[data]" {
			t.Errorf("buckets: %s", a.Body)
		}
		h.restart(t)
	}
	o.do("DELETE", "/data", "").refused(t, 403, "AccessDenied")
	c.do("PUT", "/data/x", "1").good(t)
	c.do("DELETE", "/data", "").refused(t, 409, "BucketNotEmpty")
	c.do("DELETE", "/data/x", "").good(t)
	id := c.do("POST", "/data/y?uploads", "").good(t).one("UploadId")
	c.do("PUT", "/data/y?partNumber=1&uploadId="+id, "part").good(t)
	if a := c.do("DELETE", "/data", ""); a.Status != 204 {
		t.Errorf("delete answered %d %s", a.Status, a.Body)
	}
	c.do("HEAD", "/data", "").refused(t, 404, "")
	c.do("DELETE", "/data", "").refused(t, 404, "NoSuchBucket")
	o.do("PUT", "/data", "").good(t)
	o.do("PUT", "/data/y?partNumber=1&uploadId="+id, "part").refused(t, 404, "NoSuchUpload")
	c.do("GET", "/data", "").refused(t, 403, "AccessDenied")
	if n := h.blobCount(t); n != 0 {
		t.Errorf("%d blobs left", n)
	}
}

func constraint(region string) string {
	return "<CreateBucketConfiguration><LocationConstraint>" + region + "</LocationConstraint></CreateBucketConfiguration>"
}

func TestWhereBucketsAre(t *testing.T) {
	c := start(t, "us-east-1").as(t, "AKIAROOT")
	c.do("PUT", "/data", constraint("us-east-1")).refused(t, 400, "InvalidLocationConstraint")
	c.do("PUT", "/data", constraint("eu-west-1")).refused(t, 400, "IllegalLocationConstraintException").
		has(t, "Message", "The eu-west-1 location constraint is incompatible for the region specific endpoint this request was sent to.")
	c.do("PUT", "/data", "<CreateBucketConfiguration/>").good(t)
	c.do("PUT", "/tags", "<CreateBucketConfiguration><Tags><Tag><Key>a</Key><Value>b</Value></Tag></Tags></CreateBucketConfiguration>").refused(t, 501, "NotImplemented")
	c.do("PUT", "/broken", "<CreateBucket").refused(t, 400, "MalformedXML")
	c.do("GET", "/data?location", "").good(t).has(t, "LocationConstraint", "")
	e := start(t, "eu-west-1").as(t, "AKIAROOT")
	e.do("PUT", "/data", "").refused(t, 400, "IllegalLocationConstraintException")
	e.do("PUT", "/data", constraint("eu-west-1")).good(t).header(t, "Location", "http://data.s3.amazonaws.com/")
	e.do("PUT", "/data", constraint("eu-west-1")).refused(t, 409, "BucketAlreadyOwnedByYou")
	e.do("GET", "/data?location", "").good(t).has(t, "LocationConstraint", "eu-west-1")
	e.do("HEAD", "/data", "").good(t).header(t, "x-amz-bucket-region", "eu-west-1")
}

func TestABucketPolicyIsInForceAtOnce(t *testing.T) {
	h, c, o := bucketFor(t, "data")
	c.do("PUT", "/data/a/x", "1").good(t)
	c.do("GET", "/data?policy", "").refused(t, 404, "NoSuchBucketPolicy").has(t, "BucketName", "data")
	nobody := h.as(t, "")
	nobody.do("GET", "/data/a/x", "").refused(t, 403, "AccessDenied")
	doc := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + other + `"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::data/a/*"},
		{"Effect":"Allow","Principal":{"AWS":"` + other + `"},"Action":"s3:ListBucket","Resource":"arn:aws:s3:::data","Condition":{"StringEquals":{"s3:prefix":"a/"}}},
		{"Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::data/locked/*"}]}`
	c.do("PUT", "/data?policy", doc).good(t)
	for range 2 {
		c.do("GET", "/data?policy", "").is(t, doc)
		o.do("GET", "/data/a/x", "").is(t, "1")
		o.do("GET", "/data?list-type=2&prefix=a/", "").good(t).has(t, "Key", "a/x")
		o.do("GET", "/data?list-type=2", "").refused(t, 403, "AccessDenied")
		o.do("GET", "/data?list-type=2&prefix=b/", "").refused(t, 403, "AccessDenied")
		o.do("PUT", "/data/a/x", "2").refused(t, 403, "AccessDenied")
		c.do("PUT", "/data/locked/x", "2").refused(t, 403, "AccessDenied")
		h.restart(t)
	}
	if a := c.do("DELETE", "/data?policy", ""); a.Status != 204 {
		t.Errorf("delete answered %d", a.Status)
	}
	o.do("GET", "/data/a/x", "").refused(t, 403, "AccessDenied")
	c.do("PUT", "/data/locked/x", "2").good(t)
}

func TestPoliciesThatS3DoesNotTake(t *testing.T) {
	_, c, _ := bucketFor(t, "data")
	statement := func(s string) string { return `{"Version":"2012-10-17","Statement":[{` + s + `}]}` }
	for _, k := range []struct{ doc, message string }{
		{"hello", "Policies must be valid JSON and the first byte must be '{'"},
		{"{}", "Missing required field Statement"},
		{statement(`"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"`), "Missing required field Principal"},
		{statement(`"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::other/*"`), "Policy has invalid resource"},
		{statement(`"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":["arn:aws:s3:::data/*","arn:aws:s3:::data2"]`), "Policy has invalid resource"},
		{statement(`"Effect":"Allow","Principal":"*","Action":"ec2:RunInstances","Resource":"arn:aws:s3:::data/*"`), "Policy has invalid action"},
		{statement(`"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::data"`), "Action does not apply to any resource(s) in statement"},
		{statement(`"Effect":"Allow","Principal":"*","Action":["s3:GetObject","s3:ListBucket"],"Resource":"arn:aws:s3:::data/*"`), "Action does not apply to any resource(s) in statement"},
		{statement(`"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + account + `:role/nobody"},"Action":"s3:*","Resource":"arn:aws:s3:::data"`), "Invalid principal in policy"},
		{statement(`"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/` + strings.Repeat("x", maxPolicy) + `"`), "Normalized policy document exceeds the maximum allowed size of 20480 bytes"},
	} {
		c.do("PUT", "/data?policy", k.doc).refused(t, 400, "MalformedPolicy").has(t, "Message", k.message)
	}
	c.do("PUT", "/data?policy", statement(`"Effect":"Allow","Principal":"*","Action":"s3:GetObject"`)).refused(t, 400, "MalformedPolicy").has(t, "Detail", "line 1, column 38")
	c.do("PUT", "/data?policy", "{").refused(t, 400, "MalformedPolicy").has(t, "Detail", "line 1, column 2")
	c.do("GET", "/data?policy", "").refused(t, 404, "NoSuchBucketPolicy")
	for _, good := range []string{ // the first denies everyone here, but the owner's root may always put another
		statement(`"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::data","arn:aws:s3:::data/*"],"Condition":{"StringNotEquals":{"aws:SourceVpce":"vpce-1a2b3c4d"}}`),
		`{"Statement":{"Effect":"Allow","Principal":{"Service":"logs.amazonaws.com"},"NotAction":"s3:DeleteBucket","Resource":"arn:aws:s3:::da*"}}`,
		statement(`"Effect":"Allow","Principal":{"AWS":["` + other + `","arn:aws:iam::` + other + `:root"]},"Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::data","arn:aws:s3:::data/x"]`),
	} {
		c.do("PUT", "/data?policy", good).good(t)
		c.do("GET", "/data?policy", "").is(t, good)
		if strings.Contains(good, "SourceVpce") {
			c.do("GET", "/data?list-type=2", "").refused(t, 403, "AccessDenied")
			c.do("PUT", "/data/x", "1").refused(t, 403, "AccessDenied")
		}
	}
}

func TestStandingConfigurations(t *testing.T) {
	_, c, o := bucketFor(t, "data")
	for query, code := range map[string]string{"tagging": "NoSuchTagSet", "cors": "NoSuchCORSConfiguration", "website": "NoSuchWebsiteConfiguration",
		"lifecycle": "NoSuchLifecycleConfiguration", "replication": "ReplicationConfigurationNotFoundError", "object-lock": "ObjectLockConfigurationNotFoundError",
		"encryption": "ServerSideEncryptionConfigurationNotFoundError", "publicAccessBlock": "NoSuchPublicAccessBlockConfiguration"} {
		c.do("GET", "/data?"+query, "").refused(t, 404, code).has(t, "BucketName", "data")
		o.do("GET", "/data?"+query, "").refused(t, 403, "AccessDenied")
	}
	for query, root := range map[string]string{"versioning": "VersioningConfiguration", "acl": "AccessControlPolicy", "logging": "BucketLoggingStatus",
		"requestPayment": "RequestPaymentConfiguration", "accelerate": "AccelerateConfiguration", "ownershipControls": "OwnershipControls", "notification": "NotificationConfiguration"} {
		if a := c.do("GET", "/data?"+query, "").good(t); len(a.all(root)) != 1 {
			t.Errorf("%s: %s", query, a.Body)
		}
		c.do("GET", "/nowhere?"+query, "").refused(t, 404, "NoSuchBucket")
	}
}
