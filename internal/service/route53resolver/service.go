// Package route53resolver is Amazon Route 53 Resolver: inbound endpoints, by which those outside a VPC
// ask its resolver, and query logs.
//
// It promises that an endpoint which is OPERATIONAL answers, that one which is gone has left no
// interface, and that logging questions never makes an answer wait. It must not know how a resolver
// answers, nor what a network interface is made of.
package route53resolver

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"strings"
	"time"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/caller"
	"cloister/internal/value/fault"
	"cloister/internal/value/network"
	shape "cloister/internal/value/shape/route53resolver"
)

var operations = api.NewSet[*Service]("route53resolver")

var (
	notFound         = fault.Kind{Code: "ResourceNotFoundException", Status: 400}
	exists           = fault.Kind{Code: "ResourceExistsException", Status: 400}
	inUse            = fault.Kind{Code: "ResourceInUseException", Status: 400}
	limitExceeded    = fault.Kind{Code: "LimitExceededException", Status: 400}
	invalidParameter = fault.Kind{Code: "InvalidParameterException", Status: 400}
	invalidRequest   = fault.Kind{Code: "InvalidRequestException", Status: 400}
	invalidToken     = fault.Kind{Code: "InvalidNextTokenException", Status: 400}
)

// Network is who makes the network of what the records say.
type Network interface {
	// Change runs a transaction and returns when the network is made of what it wrote.
	Change(ctx context.Context, f func(tx *store.Tx) error) error
	// VPC tells whether an account has a VPC.
	VPC(tx *store.Tx, account, id string) (found, names bool, err error)
	// Manage makes an interface a service's, which its customer cannot delete; Unuse ends that.
	Manage(ctx context.Context, account, id string) error
	Unuse(ctx context.Context, account, id string) error
}

// Service is the Resolver over a store.
type Service struct {
	DB      *store.DB
	Network Network
	Client  api.Client
	Region  string
	Log     *slog.Logger
	heard   *listener
}

// New makes the service; nothing happens before Run.
func New(db *store.DB, client api.Client, region string, log *slog.Logger) *Service {
	return &Service{DB: db, Client: client, Region: region, Log: log, heard: newListener()}
}

// Bind gives the operations to the door.
func (s *Service) Bind() (*api.Service, error) { return operations.Bind(s) }

// Run ends what a stop left half done, and delivers query logs until ctx is done.
func (s *Service) Run(ctx context.Context) error {
	if err := s.settle(ctx); err != nil && ctx.Err() == nil {
		s.Log.Warn("resolver endpoints are not settled", "error", err)
	}
	return s.deliverQueries(ctx)
}

const (
	principal  = "route53resolver.amazonaws.com"
	linkedRole = "AWSServiceRoleForRoute53Resolver"
)

// ServiceLinkedRole is a role that the service has in each account to keep house there.
type ServiceLinkedRole struct{ Service, Name, Policy string }

// ServiceLinkedRoles are the roles that must be known to the directory.
var ServiceLinkedRoles = []ServiceLinkedRole{{Service: principal, Name: linkedRole, Policy: `{"Version":"2012-10-17","Statement":[
	{"Sid":"Interfaces","Effect":"Allow","Action":["ec2:CreateNetworkInterface","ec2:DescribeNetworkInterfaces","ec2:DeleteNetworkInterface","ec2:DescribeSubnets"],"Resource":"*"},
	{"Sid":"Logs","Effect":"Allow","Action":["logs:DescribeLogGroups","logs:CreateLogStream","logs:PutLogEvents"],"Resource":"*"}]}`}}

// self is the caller that the service is in an account.
func self(account string) caller.Caller {
	return caller.ForServiceLinkedRole(principal, linkedRole, account)
}

// The quotas (Route 53 developer guide).
const (
	mostEndpoints = 4
	mostConfigs   = 20
)

// on is the checks of an operation on one resource of the caller's account.
func on(c *api.Call, action, kind, id string) []api.Check {
	return []api.Check{{Action: "route53resolver:" + action, Resource: c.ARN("route53resolver", kind+"/"+id)}}
}

func newID(prefix string) string {
	var b [9]byte
	rand.Read(b[:])
	return prefix + hex.EncodeToString(b[:])[:17]
}

func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

func shownTime(t time.Time) *string { return new(t.UTC().Format("2006-01-02T15:04:05.000Z")) }

func either(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

func readTags(list []shape.Tag) map[string]string {
	out := map[string]string{}
	for _, t := range list {
		out[text(t.Key)] = text(t.Value)
	}
	return out
}

// Part says in the network what the records say: which interfaces are of inbound endpoints, and which
// VPCs' questions are logged.
func (s *Service) Part(tx *store.Tx, n *network.Network) error {
	all, err := endpoints.All(tx, "")
	if err != nil {
		return err
	}
	inbound := map[string]bool{}
	for _, e := range all {
		for _, a := range e.Addresses {
			inbound[a.Interface] = a.Interface != ""
		}
	}
	for i := range n.Interfaces {
		n.Interfaces[i].Resolver = n.Interfaces[i].Resolver || inbound[n.Interfaces[i].ID]
	}
	logged, err := associations.All(tx, "")
	if err != nil {
		return err
	}
	for _, a := range logged {
		for i := range n.VPCs {
			n.VPCs[i].LogQueries = n.VPCs[i].LogQueries || n.VPCs[i].ID == a.VPC
		}
	}
	return nil
}

// page cuts a list at a token, which is the id that the page begins with.
func page[T any](all []*T, id func(*T) string, most *int32, token *string) (out []*T, next *string) {
	limit := 100
	if most != nil {
		limit = int(*most)
	}
	for _, v := range all {
		if id(v) < text(token) {
			continue
		}
		if len(out) == limit {
			return out, new(id(v))
		}
		out = append(out, v)
	}
	return out, nil
}

// matches says whether a resource passes filters; fields gives the values that can be asked for.
func matches(filters []shape.Filter, fields map[string]string) (bool, error) {
	for _, f := range filters {
		value, ok := fields[strings.ToLower(strings.ReplaceAll(text(f.Name), "_", ""))]
		if !ok {
			return false, invalidParameter.New("The filter '%s' is invalid.", text(f.Name))
		}
		hit := false
		for _, v := range f.Values {
			hit = hit || v == value
		}
		if !hit {
			return false, nil
		}
	}
	return true, nil
}
