package main

import (
	"fmt"
	"net/netip"

	"cloister/internal/engine/sigv4"
)

// user is somebody with a key and a policy; the root has none.
type user struct {
	name, arn string
	sigv4.Credentials
	law  law
	root bool
}

func (e *estate) lawyer() *lawyer {
	l := &lawyer{Rand: e.Rand, public: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}}
	for _, v := range e.n.VPCs {
		l.vpcs, l.ranges = append(l.vpcs, v.ID), append(l.ranges, v.CIDRs[0], v.Subnets[0].CIDR)
	}
	for _, i := range e.n.Interfaces {
		if i.Public.IsValid() {
			l.public = append(l.public, netip.PrefixFrom(i.Public, 32))
		}
		if i.Endpoint == "" {
			l.ranges = append(l.ranges, netip.PrefixFrom(i.Address, 32))
		}
	}
	for _, p := range e.endpoints {
		l.endpoints = append(l.endpoints, p.id)
	}
	for _, u := range e.users {
		if !u.root {
			l.principals = append(l.principals, u.arn)
		}
	}
	return l
}

func (e *estate) setEndpointLaw(p *ownEndpoint) {
	p.law = e.lawyer().endpoint()
	e.api("ec2", "ModifyVpcEndpoint", "VpcEndpointId", p.id, "PolicyDocument", p.law.String())
}

func (e *estate) addUser() {
	u := &user{name: fmt.Sprintf("user-%d", len(e.users))}
	u.arn = e.api("iam", "CreateUser", "UserName", u.name).one("Arn")
	key := e.api("iam", "CreateAccessKey", "UserName", u.name)
	u.AccessKey, u.Secret = key.one("AccessKeyId"), key.one("SecretAccessKey")
	e.users = append(e.users, u)
}

func (e *estate) setUserLaw(u *user) {
	if u.root {
		return
	}
	u.law = e.lawyer().identity()
	e.api("iam", "PutUserPolicy", "UserName", u.name, "PolicyName", "own", "PolicyDocument", u.law.String())
}
