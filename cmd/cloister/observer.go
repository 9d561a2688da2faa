package main

import (
	"cloister/internal/service/ec2"
	"cloister/internal/value/network"
)

// observer hands what the fabric saw to the service that has asked for it.
type observer struct{ ec2 *ec2.Service }

func (o observer) Flow(f network.Flow) { o.ec2.Flow(f) }

func (o observer) Query(network.Query) {}
