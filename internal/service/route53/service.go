// Package route53 is Amazon Route 53 as far as VPCs' resolvers answer from it: private hosted zones
// and their records.
//
// It promises that what a change says is answered by the resolvers of the zone's VPCs when the change
// returns, and that a batch is in force whole or not at all. It must not know how names are answered,
// nor what else a network is made of.
package route53

import (
	"context"
	"crypto/rand"
	"strings"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/fault"
	shape "cloister/internal/value/shape/route53"
)

var operations = api.NewSet[*Service]("route53")

var (
	noSuchZone          = fault.Kind{Code: "NoSuchHostedZone", Status: 404}
	noSuchChange        = fault.Kind{Code: "NoSuchChange", Status: 404}
	noSuchHealthCheck   = fault.Kind{Code: "NoSuchHealthCheck", Status: 404}
	zoneExists          = fault.Kind{Code: "HostedZoneAlreadyExists", Status: 409}
	zoneNotEmpty        = fault.Kind{Code: "HostedZoneNotEmpty", Status: 400}
	tooManyZones        = fault.Kind{Code: "TooManyHostedZones", Status: 400}
	limitsExceeded      = fault.Kind{Code: "LimitsExceeded", Status: 400}
	conflictingDomain   = fault.Kind{Code: "ConflictingDomainExists", Status: 400}
	invalidVPC          = fault.Kind{Code: "InvalidVPCId", Status: 400}
	invalidName         = fault.Kind{Code: "InvalidDomainName", Status: 400}
	invalidInput        = fault.Kind{Code: "InvalidInput", Status: 400}
	invalidArgument     = fault.Kind{Code: "InvalidArgument", Status: 400}
	invalidBatch        = fault.Kind{Code: "InvalidChangeBatch", Status: 400}
	associationNotFound = fault.Kind{Code: "VPCAssociationNotFound", Status: 404}
	lastAssociation     = fault.Kind{Code: "LastVPCAssociation", Status: 400}
)

// Network is who makes the network of what the records say.
type Network interface {
	// Change runs a transaction and returns when the network is made of what it wrote.
	Change(ctx context.Context, f func(tx *store.Tx) error) error
	// VPC tells whether an account has a VPC in a region, and whether its resolver knows private names.
	VPC(tx *store.Tx, region, account, id string) (found, names bool, err error)
	// PrivateNames are the names that endpoints have taken over in a VPC, and the hidden zone that each is in.
	PrivateNames(tx *store.Tx, region, account, vpc string) (map[string]string, error)
	// EndpointZone tells whether a hosted zone is one of the names of VPC endpoints.
	EndpointZone(id string) bool
}

// Service is Route 53 over a store. It is one for all regions; Region is that of VPCs of which no record says
// another.
type Service struct {
	DB      *store.DB
	Network Network
	Region  string
}

// home is the part of the database in which the records are, whichever region's transaction it is.
const home = ""

// Bind gives the operations to the door.
func (s *Service) Bind() (*api.Service, error) { return operations.Bind(s) }

// The quotas (Route 53 developer guide).
const (
	mostZones   = 500
	mostRecords = 10000
	mostVPCs    = 300
	mostChanges = 1000
)

// onZone is the checks of an operation on a hosted zone.
func onZone(action, id string) []api.Check {
	return []api.Check{{Action: "route53:" + action, Resource: "arn:aws:route53:::hostedzone/" + bare(id)}}
}

// onAll is the checks of an operation that is on no one zone.
func onAll(action string) []api.Check {
	return []api.Check{{Action: "route53:" + action, Resource: "*"}}
}

// withVPCs adds that a caller who names a VPC must be allowed to see it.
func withVPCs(checks []api.Check) []api.Check {
	return append(checks, api.Check{Action: "ec2:DescribeVpcs", Resource: "*"})
}

// bare is an id without the path that answers have before it.
func bare(id string) string { return id[strings.LastIndexByte(id, '/')+1:] }

// newID makes an id as Route 53's: a letter and twenty others.
func newID(letter string) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	b := make([]byte, 20)
	rand.Read(b)
	for i := range b {
		b[i] = digits[int(b[i])%len(digits)]
	}
	return letter + string(b)
}

func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// change is that something was changed, which it was at once.
type change struct {
	ID, Account, Comment string
	At                   int64 // ms since 1970
}

var changes = store.NewTable[change]("route53.change")

// changed records a change. Only the last ones are kept: Route 53 too forgets.
func changed(tx *store.Tx, account, comment string) (*shape.ChangeInfo, error) {
	c := &change{ID: newID("C"), Account: account, Comment: comment, At: tx.Now.UnixMilli()}
	count, err := changes.Count(tx, store.Prefix(account))
	if err != nil {
		return nil, err
	}
	if count >= mostChanges {
		if err := forgetChanges(tx, account); err != nil {
			return nil, err
		}
	}
	return c.aws(), changes.Put(tx, store.Key(account, c.ID), c)
}

// forgetChanges forgets the older half.
func forgetChanges(tx *store.Tx, account string) error {
	all, err := changes.All(tx, store.Prefix(account))
	if err != nil {
		return err
	}
	for _, c := range older(all) {
		if err := changes.Delete(tx, store.Key(account, c.ID)); err != nil {
			return err
		}
	}
	return nil
}
