package main

import (
	"fmt"
	"net/netip"

	"cloister/internal/engine/sigv4"
)

// user is somebody with a key and a policy; the root has none, and nobody has neither.
type user struct {
	kind      string // "user", "role", "root" or "nobody"
	name, arn string
	sigv4.Credentials
	law     law
	session *law // a role's session may be narrowed
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
	l.endpoints = []string{"vpce-0123456789abcdef0"}
	for _, p := range e.endpoints {
		l.endpoints = append(l.endpoints, p.id)
	}
	for _, u := range e.users {
		if u.kind == "user" || u.kind == "role" {
			l.principals = append(l.principals, u.arn)
		}
	}
	return l
}

// people are users, sessions of a role made by one of them, the root, and nobody.
func (e *estate) people() {
	for k := range 3 {
		u := &user{kind: "user", name: fmt.Sprintf("user-%d", k)}
		u.arn = e.api("iam", "CreateUser", "UserName", u.name).one("Arn")
		key := e.api("iam", "CreateAccessKey", "UserName", u.name)
		u.AccessKey, u.Secret = key.one("AccessKeyId"), key.one("SecretAccessKey")
		e.users = append(e.users, u)
	}
	role := &user{kind: "role", name: "role"}
	role.arn = e.api("iam", "CreateRole", "RoleName", role.name, "AssumeRolePolicyDocument",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"`+e.users[0].arn+`"},"Action":"sts:AssumeRole"}]}`).one("Arn")
	narrow := *role
	e.assume(role)
	narrow.session = new(e.lawyer().identity())
	e.assume(&narrow, "Policy", narrow.session.String())
	e.users = append(e.users, role, &narrow, &user{kind: "root", name: "root", arn: "arn:aws:iam::" + e.conf.Account + ":root", Credentials: e.root},
		&user{kind: "nobody", name: "nobody"})
	for _, u := range e.users {
		e.setUserLaw(u)
	}
}

// assume makes a session of a role, as the first user.
func (e *estate) assume(role *user, more ...string) {
	root := e.root
	defer func() { e.root = root }()
	e.root = e.users[0].Credentials
	made := e.api("sts", "AssumeRole", append([]string{"RoleArn", role.arn, "RoleSessionName", "session"}, more...)...)
	role.AccessKey, role.Secret, role.Token = made.one("AccessKeyId"), made.one("SecretAccessKey"), made.one("SessionToken")
}

// setUserLaw gives somebody another policy; both sessions of the role have the role's.
func (e *estate) setUserLaw(u *user) {
	switch u.kind {
	case "user":
		u.law = e.lawyer().identity()
		e.api("iam", "PutUserPolicy", "UserName", u.name, "PolicyName", "own", "PolicyDocument", u.law.String())
	case "role":
		now := e.lawyer().identity()
		e.api("iam", "PutRolePolicy", "RoleName", u.name, "PolicyName", "own", "PolicyDocument", now.String())
		for _, other := range e.users {
			if other.kind == "role" {
				other.law = now
			}
		}
	}
}

// addBucket makes a bucket, and setBucketLaw gives it a policy.
func (e *estate) addBucket() {
	e.bucket = fmt.Sprintf("bucket-%d", e.IntN(1000))
	e.send("s3", "PUT", "/"+e.bucket, "", "CreateBucket "+e.bucket)
	e.setBucketLaw()
}

func (e *estate) setBucketLaw() {
	e.bucketLaw = e.lawyer().bucket()
	e.send("s3", "PUT", "/"+e.bucket+"?policy", e.bucketLaw.on("arn:aws:s3:::"+e.bucket), "PutBucketPolicy "+e.bucketLaw.on("arn:aws:s3:::"+e.bucket))
}

func (e *estate) setEndpointLaw(p *ownEndpoint) {
	p.law = e.lawyer().endpoint()
	e.api("ec2", "ModifyVpcEndpoint", "VpcEndpointId", p.id, "PolicyDocument", p.law.String())
}
