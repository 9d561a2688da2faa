package main

import (
	"cloister/internal/machine/fabric/shared"
	"cloister/internal/value/network"
)

// observer hands what the fabric saw to the service of the VPC's region that has asked for it.
type observer struct {
	fabric  *shared.Shared
	regions []*region
}

func (o observer) Flow(f network.Flow) {
	if i, ok := o.fabric.Owner(f.VPC); ok {
		o.regions[i].ec2.Flow(f)
	}
}

func (o observer) Query(q network.Query) {
	if i, ok := o.fabric.Owner(q.VPC); ok {
		o.regions[i].resolver.Query(q)
	}
}
