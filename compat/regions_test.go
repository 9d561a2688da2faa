package compat

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestRegions has a Cloister of two regions: each has a network, jobs and logs of its own, names lead to the
// region that they say, and accounts, identities and the names of buckets are of both.
func TestRegions(t *testing.T) {
	t.Parallel()
	needRoot(t)
	d, err := newDaemon()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(d.data, "config.yaml"), []byte("regions: [eu-west-1]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d.run(t)
	here, there := d, d.in("eu-west-1")

	if got := here.internet().aws(t, "ec2", "describe-regions", "--query", "Regions[].Endpoint"); got != "ec2.eu-west-1.amazonaws.com\tec2.us-east-1.amazonaws.com" {
		t.Errorf("the regions are %s", got)
	}
	both := map[string]*vpc{"us-east-1": here.vpc(t, "sagemaker.api", "sts", "logs"), "eu-west-1": there.vpc(t, "sagemaker.api", "sts", "logs")}
	for region, v := range both {
		ids := strings.Fields(v.internet().aws(t, "ec2", "describe-vpcs", "--query", "Vpcs[].VpcId"))
		if len(ids) != 2 || !slices.Contains(ids, v.id) {
			t.Errorf("the VPCs of %s are %s, with %s among them", region, ids, v.id)
		}
		if zones := v.internet().aws(t, "ec2", "describe-subnets", "--filters", "Name=vpc-id,Values="+v.id, "--query", "Subnets[].AvailabilityZone"); strings.Count(zones, region) != 2 {
			t.Errorf("the zones of %s are %s", region, zones)
		}
	}
	if out, ok := there.ec2Try(t, "DeleteVpc", "VpcId", both["us-east-1"].id); ok || !strings.Contains(out, "InvalidVpcID.NotFound") {
		t.Errorf("a region deletes another's VPC: %s", out)
	}

	// From inside, the name of one's own region is the endpoint, and the other's is beyond a way out that there is not.
	for region, v := range both {
		other := map[string]string{"us-east-1": "eu-west-1", "eu-west-1": "us-east-1"}[region]
		if got := v.inside().aws(t, "sagemaker", "list-models", "--query", "length(Models)"); got != "0" {
			t.Errorf("through the endpoint of %s: %s", region, got)
		}
		if out := v.inside().must(t, "getent", "ahosts", "api.sagemaker."+region+".amazonaws.com"); !strings.HasPrefix(out, "10.0.") {
			t.Errorf("in %s its API is at %s", region, out)
		}
		if out := v.inside().must(t, "getent", "ahosts", "api.sagemaker."+other+".amazonaws.com"); strings.HasPrefix(out, "10.0.") {
			t.Errorf("in %s the other's API is at %s", region, out)
		}
		if out, err := v.inside().try("env", "AWS_MAX_ATTEMPTS=1", "aws", "sagemaker", "list-models", "--region", other, "--cli-connect-timeout", "2"); err == nil || !strings.Contains(out, "onnect") {
			t.Errorf("from %s, without a way out, the other's API answers: %v %s", region, err, out)
		}
		// The other's name at one's own endpoint is refused: it is the endpoint of another service.
		address := strings.Fields(v.inside().must(t, "getent", "ahostsv4", "api.sagemaker."+region+".amazonaws.com"))[0]
		said, _ := v.inside().try("curl", "-sS", "-m", "5", "--connect-to", "api.sagemaker."+other+".amazonaws.com:443:"+address+":443", "https://api.sagemaker."+other+".amazonaws.com/")
		if !strings.Contains(said, "serves com.amazonaws."+region+".sagemaker.api and not sagemaker in "+other) {
			t.Errorf("the endpoint of %s, called by the other's name, says %s", region, said)
		}
	}

	// A hosted zone is of VPCs in both.
	first, second := both["us-east-1"], both["eu-west-1"]
	zone := here.internet().aws(t, "route53", "create-hosted-zone", "--name", "corp.test", "--caller-reference", "1", "--vpc", "VPCRegion=us-east-1,VPCId="+first.id, "--query", "HostedZone.Id")
	if out, err := here.internet().try("aws", "route53", "associate-vpc-with-hosted-zone", "--hosted-zone-id", zone, "--vpc", "VPCRegion=us-east-1,VPCId="+second.id); err == nil || !strings.Contains(out, "(InvalidVPCId)") {
		t.Errorf("a VPC of another region is associated: %v %s", err, out)
	}
	here.internet().aws(t, "route53", "associate-vpc-with-hosted-zone", "--hosted-zone-id", zone, "--vpc", "VPCRegion=eu-west-1,VPCId="+second.id)
	here.internet().aws(t, "route53", "change-resource-record-sets", "--hosted-zone-id", zone, "--change-batch",
		`{"Changes":[{"Action":"CREATE","ResourceRecordSet":{"Name":"db.corp.test","Type":"A","TTL":60,"ResourceRecords":[{"Value":"10.0.1.77"}]}}]}`)
	for region, v := range both {
		if out := v.inside().must(t, "getent", "ahostsv4", "db.corp.test"); !strings.HasPrefix(out, "10.0.1.77") {
			t.Errorf("in %s the zone says %s", region, out)
		}
	}
	if got := here.internet().aws(t, "route53", "get-hosted-zone", "--id", zone, "--query", "sort(VPCs[].VPCRegion)"); got != "eu-west-1\tus-east-1" {
		t.Errorf("the zone's regions are %s", got)
	}

	// A bucket is in one region. Its name is taken in both, clients find it, and a gateway endpoint leads to
	// its own region's only.
	here.provide(t)
	there.internet().aws(t, "s3api", "create-bucket", "--bucket", "second", "--create-bucket-configuration", "LocationConstraint=eu-west-1", "--query", "Location")
	if got := here.internet().aws(t, "s3api", "get-bucket-location", "--bucket", "second"); got != "eu-west-1" {
		t.Errorf("the bucket is in %s", got)
	}
	if out, err := here.internet().try("aws", "s3api", "create-bucket", "--bucket", "second"); err == nil || !strings.Contains(out, "(BucketAlreadyOwnedByYou)") {
		t.Errorf("its name is taken again: %v %s", err, out)
	}
	there.internet().must(t, "aws", "s3", "cp", "--no-progress", digits(t), "s3://second/train/digits.csv")
	if out, err := here.internet().try("curl", "-sSI", "https://second.s3.us-east-1.amazonaws.com/"); err != nil || strings.Contains(out, "x-amz-bucket-region") {
		t.Errorf("nobody is told where it is: %v %s", err, out)
	}
	if got := here.internet().aws(t, "s3api", "head-object", "--bucket", "second", "--key", "train/digits.csv", "--query", "ContentLength"); got == "" || got == "None" {
		t.Errorf("from the other region the object is %s", got)
	}
	if got := both["eu-west-1"].inside().aws(t, "s3api", "head-object", "--bucket", "second", "--key", "train/digits.csv", "--query", "ContentLength"); got == "" {
		t.Error("the gateway endpoint leads nowhere")
	}
	if out, err := both["us-east-1"].inside().try("env", "AWS_MAX_ATTEMPTS=1", "aws", "s3api", "head-object", "--bucket", "second", "--key", "train/digits.csv", "--region", "eu-west-1", "--cli-connect-timeout", "2"); err == nil || !strings.Contains(out, "onnect") {
		t.Errorf("a gateway endpoint leads to another region's bucket: %v %s", err, out)
	}

	d.internet().aws(t, "iam", "put-role-policy", "--role-name", "execution", "--policy-name", "second", "--policy-document", strings.ReplaceAll(duties, bucket, "second"))

	// A policy that names a region holds by the name that was called.
	bound := d.user(t, "bound", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sagemaker:*","Resource":"*","Condition":{"StringEquals":{"aws:RequestedRegion":"eu-west-1"}}}]}`)
	there.internet().as(bound).aws(t, "sagemaker", "list-models", "--query", "length(Models)")
	if out, err := here.internet().as(bound).try("aws", "sagemaker", "list-models"); err == nil || !strings.Contains(out, "(AccessDeniedException)") {
		t.Errorf("in the other region: %v %s", err, out)
	}

	// Jobs of one name in both, each with its region's logs; both outlive the server.
	for _, v := range both {
		image := map[string]string{"us-east-1": kmeans, "eu-west-1": "438346466558.dkr.ecr.eu-west-1.amazonaws.com/kmeans:1"}[v.region()]
		v.job(t, "same", image, `{"k":"10","feature_dim":"64"}`, trains(v.region())...)
	}
	d.crash(t)
	d.restart(t)
	for region, v := range both {
		v.completed(t, "same")
		if got := v.internet().aws(t, describe("same", "TrainingJobArn")...); got != "arn:aws:sagemaker:"+region+":"+account+":training-job/same" {
			t.Errorf("the job of %s is %s", region, got)
		}
		if len(v.log(t, "same")) < 2 {
			t.Errorf("the job of %s has no log", region)
		}
		if got := v.internet().aws(t, "ec2", "describe-vpcs", "--vpc-ids", v.id, "--query", "Vpcs[].State"); got != "available" {
			t.Errorf("the VPC of %s is %s", region, got)
		}
	}
}

// trains are the settings of a job whose bucket is its region's.
func trains(region string) []string {
	if region == "us-east-1" {
		return nil
	}
	return []string{"--input-data-config", `[{"ChannelName":"train","ContentType":"text/csv;label_size=0","DataSource":{"S3DataSource":{"S3DataType":"S3Prefix","S3Uri":"s3://second/train/","S3DataDistributionType":"FullyReplicated"}}}]`,
		"--output-data-config", "S3OutputPath=s3://second/models"}
}
