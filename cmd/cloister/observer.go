package main

import (
	"cloister/internal/service/ec2"
	"cloister/internal/service/route53resolver"
	"cloister/internal/value/network"
)

// observer hands what the fabric saw to the service that has asked for it.
type observer struct {
	ec2      *ec2.Service
	resolver *route53resolver.Service
}

func (o observer) Flow(f network.Flow) { o.ec2.Flow(f) }

func (o observer) Query(q network.Query) { o.resolver.Query(q) }
