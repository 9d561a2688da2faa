package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"cloister/demo/digits"
	"cloister/internal/engine/sigv4"
)

// world is what a customer makes before anything can be measured: a private VPC, its endpoints,
// data, a role, and a user whose policy and whose endpoint's policy are asked at each call.
type world struct {
	instance
	api                 *client // the account's root, at the public door
	vpc, subnet, second string  // subnets in two zones: an endpoint needs both
	callers, containers string  // security groups
	role                string
	alice               sigv4.Credentials
	deployed            bool
}

const (
	runtimePolicy = `{"Statement":[{"Action":"sagemaker:InvokeEndpoint","Effect":"Allow","Resource":"arn:aws:sagemaker:%s:%s:endpoint/digits","Principal":"*"}]}`
	trustPolicy   = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"sagemaker.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	rolePolicy    = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*","ec2:*NetworkInterface*","ec2:Describe*","logs:*"],"Resource":"*"}]}`
	alicePolicy   = `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"sagemaker:*","Resource":"*","Condition":{"StringEquals":{"aws:SourceVpc":"%s"}}},
		{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::digits-bucket/*"},{"Effect":"Allow","Action":["ec2:*","logs:*"],"Resource":"*"}]}`
	image = "382416733822.dkr.ecr.%s.amazonaws.com/kmeans:1"
	probe = "%s.dkr.ecr.%s.amazonaws.com/cloister-probe:1"
)

func (r *run) makeWorld(ctx context.Context) error {
	i, err := r.daemon.instance()
	if err != nil {
		return err
	}
	root, err := keyOf(filepath.Join(r.daemon.data, "credentials"), "default")
	if err != nil {
		return err
	}
	api, err := newClient(i.Door, i.Region, i.CA, root)
	if err != nil {
		return err
	}
	w := &world{instance: i, api: api}
	for _, step := range []func(context.Context) error{w.makeNetwork, w.makeEndpoints, w.makePeople, w.makeData} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	// `cloister exec --as alice` reads her key there.
	f, err := os.OpenFile(filepath.Join(r.daemon.data, "credentials"), os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := fmt.Fprintf(f, "[alice]\naws_access_key_id = %s\naws_secret_access_key = %s\n", w.alice.AccessKey, w.alice.Secret); err != nil {
		return err
	}
	r.world = w
	return nil
}

// keyOf reads one profile of a shared credentials file.
func keyOf(path, profile string) (k sigv4.Credentials, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return k, err
	}
	_, rest, _ := strings.Cut(string(b), "["+profile+"]")
	rest, _, _ = strings.Cut(rest, "[")
	for line := range strings.Lines(rest) {
		name, value, _ := strings.Cut(line, "=")
		switch strings.TrimSpace(name) {
		case "aws_access_key_id":
			k.AccessKey = strings.TrimSpace(value)
		case "aws_secret_access_key":
			k.Secret = strings.TrimSpace(value)
		}
	}
	return k, nil
}

func (w *world) makeNetwork(ctx context.Context) error {
	var vpc struct {
		ID string `xml:"vpc>vpcId"`
	}
	if err := w.api.query(ctx, "ec2", "CreateVpc", &vpc, "CidrBlock", "10.0.0.0/16"); err != nil {
		return err
	}
	w.vpc = vpc.ID
	if err := w.api.query(ctx, "ec2", "ModifyVpcAttribute", nil, "VpcId", w.vpc, "EnableDnsHostnames.Value", "true"); err != nil {
		return err
	}
	var err error
	if w.subnet, err = w.makeSubnet(ctx, "10.0.1.0/24", "a"); err != nil {
		return err
	}
	if w.second, err = w.makeSubnet(ctx, "10.0.2.0/24", "b"); err != nil {
		return err
	}
	if w.callers, err = w.group(ctx, "callers", "443"); err != nil {
		return err
	}
	w.containers, err = w.group(ctx, "containers", "8080", "8443") // the container, and nginx beside it
	return err
}

func (w *world) makeSubnet(ctx context.Context, cidr, zone string) (string, error) {
	var out struct {
		ID string `xml:"subnet>subnetId"`
	}
	err := w.api.query(ctx, "ec2", "CreateSubnet", &out, "VpcId", w.vpc, "CidrBlock", cidr, "AvailabilityZone", w.Region+zone)
	return out.ID, err
}

func (w *world) group(ctx context.Context, name string, ports ...string) (string, error) {
	var g struct {
		ID string `xml:"groupId"`
	}
	if err := w.api.query(ctx, "ec2", "CreateSecurityGroup", &g, "VpcId", w.vpc, "GroupName", name, "GroupDescription", name); err != nil {
		return "", err
	}
	for _, p := range ports {
		if err := w.api.query(ctx, "ec2", "AuthorizeSecurityGroupIngress", nil, "GroupId", g.ID, "IpPermissions.1.IpProtocol", "tcp",
			"IpPermissions.1.FromPort", p, "IpPermissions.1.ToPort", p, "IpPermissions.1.IpRanges.1.CidrIp", "10.0.0.0/16"); err != nil {
			return "", err
		}
	}
	return g.ID, nil
}

// vpcEndpoint is the part of the answer that is read.
type vpcEndpoint struct {
	ID    string `xml:"vpcEndpointId"`
	State string `xml:"state"`
}

func (w *world) makeEndpoints(ctx context.Context) error {
	var tables struct {
		IDs []string `xml:"routeTableSet>item>routeTableId"`
	}
	if err := w.api.query(ctx, "ec2", "DescribeRouteTables", &tables, "Filter.1.Name", "vpc-id", "Filter.1.Value.1", w.vpc); err != nil {
		return err
	}
	if len(tables.IDs) == 0 {
		return fmt.Errorf("the VPC has no route table")
	}
	if err := w.api.query(ctx, "ec2", "CreateVpcEndpoint", nil, "VpcId", w.vpc, "ServiceName", "com.amazonaws."+w.Region+".s3", "RouteTableId.1", tables.IDs[0]); err != nil {
		return err
	}
	for name, policy := range map[string]string{"sagemaker.runtime": fmt.Sprintf(runtimePolicy, w.Region, w.Account), "ec2": ""} {
		pairs := endpointInput(w.vpc, w.Region, name, w.subnet, w.callers)
		if policy != "" {
			pairs = append(pairs, "PolicyDocument", policy)
		}
		if err := w.api.query(ctx, "ec2", "CreateVpcEndpoint", nil, pairs...); err != nil {
			return err
		}
	}
	return until(ctx, "endpoints available", func() (bool, error) {
		var all struct {
			Endpoints []vpcEndpoint `xml:"vpcEndpointSet>item"`
		}
		err := w.api.query(ctx, "ec2", "DescribeVpcEndpoints", &all)
		for _, e := range all.Endpoints {
			if e.State != "available" {
				return false, err
			}
		}
		return len(all.Endpoints) == 3, err
	})
}

func endpointInput(vpc, region, service, subnet, group string) []string {
	return []string{"VpcId", vpc, "ServiceName", "com.amazonaws." + region + "." + service, "VpcEndpointType", "Interface",
		"SubnetId.1", subnet, "SecurityGroupId.1", group, "PrivateDnsEnabled", "true"}
}

func (w *world) makePeople(ctx context.Context) error {
	var role struct {
		ARN string `xml:"CreateRoleResult>Role>Arn"`
	}
	if err := w.api.query(ctx, "iam", "CreateRole", &role, "RoleName", "execution", "AssumeRolePolicyDocument", trustPolicy); err != nil {
		return err
	}
	w.role = role.ARN
	var key struct {
		ID     string `xml:"CreateAccessKeyResult>AccessKey>AccessKeyId"`
		Secret string `xml:"CreateAccessKeyResult>AccessKey>SecretAccessKey"`
	}
	for _, step := range []struct {
		action string
		out    any
		pairs  []string
	}{
		{"PutRolePolicy", nil, []string{"RoleName", "execution", "PolicyName", "execution", "PolicyDocument", rolePolicy}},
		{"CreateUser", nil, []string{"UserName", "alice"}},
		{"PutUserPolicy", nil, []string{"UserName", "alice", "PolicyName", "private", "PolicyDocument", fmt.Sprintf(alicePolicy, w.vpc)}},
		{"CreateAccessKey", &key, []string{"UserName", "alice"}},
	} {
		if err := w.api.query(ctx, "iam", step.action, step.out, step.pairs...); err != nil {
			return err
		}
	}
	w.alice = sigv4.Credentials{AccessKey: key.ID, Secret: key.Secret}
	return nil
}

func (w *world) makeData(ctx context.Context) error {
	if err := w.api.put(ctx, "/digits-bucket", nil); err != nil {
		return err
	}
	return w.api.put(ctx, "/digits-bucket/train/digits.csv", digits.CSV())
}
