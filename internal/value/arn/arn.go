// Package arn names resources the way AWS does: arn:partition:service:region:account:resource.
//
// It promises that String of a parsed ARN gives back the text it was parsed from, and it knows no
// service: what stands in the resource part is for the service to read.
package arn

import (
	"fmt"
	"strings"
)

// Partition is the only partition Cloister serves.
const Partition = "aws"

// ARN is one Amazon Resource Name in its six parts.
type ARN struct {
	Partition, Service, Region, Account, Resource string
}

// New makes an ARN in the aws partition.
func New(service, region, account, resource string) ARN {
	return ARN{Partition, service, region, account, resource}
}

// Parse splits s. Every ARN has five colons before its resource, which may hold more.
func Parse(s string) (ARN, error) {
	p := strings.SplitN(s, ":", 6)
	if len(p) != 6 || p[0] != "arn" || p[1] == "" || p[2] == "" || p[5] == "" {
		return ARN{}, fmt.Errorf("%q is not an ARN", s)
	}
	return ARN{p[1], p[2], p[3], p[4], p[5]}, nil
}

func (a ARN) String() string {
	return "arn:" + a.Partition + ":" + a.Service + ":" + a.Region + ":" + a.Account + ":" + a.Resource
}

// Format is New(...).String() for the many places that want only the text.
func Format(service, region, account, resource string) string {
	return New(service, region, account, resource).String()
}

// Name gives the part of the resource after its first "/" or ":" ("endpoint/x" gives "x"), or the
// whole resource where there is none.
func (a ARN) Name() string {
	if i := strings.IndexAny(a.Resource, "/:"); i >= 0 {
		return a.Resource[i+1:]
	}
	return a.Resource
}
