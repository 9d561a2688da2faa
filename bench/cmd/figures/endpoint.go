package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// endpointJob is what the half inside the VPC is told; endpointTimes what it answers.
type (
	endpointJob struct {
		VPC, Subnet, Group, Region string
	}
	endpointTimes struct {
		First []time.Duration // CreateVpcEndpoint's first byte out to the first good answer through the private name
		Later []time.Duration // the same question on a new connection, when the endpoint has stood a while
		Many  []time.Duration // endpoints of all of many at once: from the first call to the last name's private address
	}
)

const rounds = 15

// many are twenty services by the names of their endpoints, and how their hosts are called if otherwise.
var many = map[string]string{
	"sts": "", "logs": "", "secretsmanager": "", "monitoring": "", "events": "", "kms": "", "servicecatalog": "", "sqs": "", "sns": "", "ssm": "",
	"ssmmessages": "", "ec2messages": "", "cloudtrail": "", "apigateway": "", "route53resolver": "", "elasticloadbalancing": "",
	"sagemaker.api": "api.sagemaker", "sagemaker.api-fips": "api-fips.sagemaker", "sagemaker.runtime-fips": "runtime-fips.sagemaker", "ecr.api": "api.ecr",
}

// measureEndpoint makes and deletes an endpoint for sts, from inside the VPC and by an endpoint.
func (r *run) measureEndpoint(ctx context.Context) error {
	if r.world == nil {
		return errNoWorld
	}
	w := r.world
	var got endpointTimes
	if err := r.inside(ctx, "endpoint", endpointJob{w.vpc, w.subnet, w.callers, w.Region}, &got); err != nil {
		return err
	}
	r.table.add("CreateVpcEndpoint to the first TLS answer by its private name", spread(got.First), "< 30 ms",
		"DNS, TLS and the call at a standing endpoint "+ms(median(got.Later)), times(median(got.First), median(got.Later)), new(median(got.First) < 30*time.Millisecond))
	r.table.add(fmt.Sprintf("endpoints of %d services, all names answering", len(many)), spread(got.Many), "< 500 ms",
		"one endpoint "+ms(median(got.First)), times(median(got.Many), median(got.First)), new(median(got.Many) < 500*time.Millisecond))
	return nil
}

var errNoWorld = fmt.Errorf("the world was not made")

// inside runs another role of this binary in the VPC, as alice, and reads its answer.
func (r *run) inside(ctx context.Context, role string, in, out any) error {
	job, err := json.Marshal(in)
	if err != nil {
		return err
	}
	args := r.daemon.command("exec", "--subnet", r.world.subnet, "--security-group", r.world.callers, "--as", "alice", "--", r.self, role, string(job))
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	b, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", role, err, errs.Bytes())
	}
	return json.Unmarshal(b, out)
}

// endpoints is the half inside.
func endpoints(ctx context.Context, args []string) error {
	var j endpointJob
	if err := json.Unmarshal([]byte(args[0]), &j); err != nil {
		return err
	}
	k, err := keyOf(os.Getenv("AWS_SHARED_CREDENTIALS_FILE"), os.Getenv("AWS_PROFILE"))
	if err != nil {
		return err
	}
	ec2, err := newClient("", j.Region, os.Getenv("AWS_CA_BUNDLE"), k)
	if err != nil {
		return err
	}
	host := "sts." + j.Region + ".amazonaws.com"
	var out endpointTimes
	for range rounds {
		began := time.Now()
		var made struct {
			Endpoint vpcEndpoint `xml:"vpcEndpoint"`
		}
		if err := ec2.query(ctx, "ec2", "CreateVpcEndpoint", &made, endpointInput(j.VPC, j.Region, "sts", j.Subnet, j.Group)...); err != nil {
			return err
		}
		if err := until(ctx, "private name", func() (bool, error) { return private(ctx, host), nil }); err != nil {
			return err
		}
		call := func() error {
			sts, err := newClient("", j.Region, os.Getenv("AWS_CA_BUNDLE"), k)
			if err != nil {
				return err
			}
			defer sts.http.CloseIdleConnections()
			return sts.query(ctx, "sts", "GetCallerIdentity", nil)
		}
		if err := call(); err != nil {
			return err
		}
		out.First = append(out.First, time.Since(began))
		again := time.Now()
		if !private(ctx, host) {
			return fmt.Errorf("the private name went away")
		}
		if err := call(); err != nil {
			return err
		}
		out.Later = append(out.Later, time.Since(again))
		if err := ec2.query(ctx, "ec2", "DeleteVpcEndpoints", nil, "VpcEndpointId.1", made.Endpoint.ID); err != nil {
			return err
		}
		if err := until(ctx, "end of the private name", func() (bool, error) { return !private(ctx, host), nil }); err != nil {
			return err
		}
	}
	for range 5 {
		took, err := makeMany(ctx, ec2, &j)
		if err != nil {
			return err
		}
		out.Many = append(out.Many, took)
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}

// makeMany makes an endpoint for each of many services, a few calls at a time, and takes them away again.
func makeMany(ctx context.Context, ec2 *client, j *endpointJob) (time.Duration, error) {
	var all errgroup.Group
	all.SetLimit(8)
	var mu sync.Mutex
	var ids []string
	began := time.Now()
	for service, host := range many {
		all.Go(func() error {
			var made struct {
				Endpoint vpcEndpoint `xml:"vpcEndpoint"`
			}
			if err := ec2.query(ctx, "ec2", "CreateVpcEndpoint", &made, endpointInput(j.VPC, j.Region, service, j.Subnet, j.Group)...); err != nil {
				return err
			}
			mu.Lock()
			ids = append(ids, made.Endpoint.ID)
			mu.Unlock()
			host = cmp.Or(host, service) + "." + j.Region + ".amazonaws.com"
			return until(ctx, "the name "+host, func() (bool, error) { return private(ctx, host), nil })
		})
	}
	if err := all.Wait(); err != nil {
		return 0, err
	}
	took := time.Since(began)
	var pairs []string
	for i, id := range ids {
		pairs = append(pairs, fmt.Sprintf("VpcEndpointId.%d", i+1), id)
	}
	if err := ec2.query(ctx, "ec2", "DeleteVpcEndpoints", nil, pairs...); err != nil {
		return 0, err
	}
	for service, host := range many {
		host = cmp.Or(host, service) + "." + j.Region + ".amazonaws.com"
		if err := until(ctx, "the end of "+host, func() (bool, error) { return !private(ctx, host), nil }); err != nil {
			return 0, err
		}
	}
	return took, nil
}

// private says whether a name has an address of the VPC.
func private(ctx context.Context, host string) bool {
	all, err := net.DefaultResolver.LookupNetIP(ctx, "ip4", host)
	return err == nil && len(all) > 0 && netip.MustParsePrefix("10.0.0.0/16").Contains(all[0].Unmap())
}
