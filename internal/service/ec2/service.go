// Package ec2 is the VPC family of Amazon EC2: VPCs, subnets, route tables, security groups, VPC
// endpoints and network interfaces.
//
// It promises that a record the customer can see has a packet behind it: an operation that changes
// the network answers only once the fabric was given a plan at least as new as its commit. It must
// not know how the fabric does it, nor who may call: the door asks that before an operation runs.
package ec2

import (
	"context"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"cloister/internal/frame/api"
	"cloister/internal/frame/directory"
	"cloister/internal/frame/reconcile"
	"cloister/internal/machine/fabric"
	"cloister/internal/machine/store"
	"cloister/internal/value/fault"
	"cloister/internal/value/network"
)

// The kinds of fault that are not about one kind of resource; those stand in records.go.
var (
	addressInUse         = fault.Kind{Code: "InvalidIPAddress.InUse", Status: 400}
	addressesUsedUp      = fault.Kind{Code: "InsufficientFreeAddressesInSubnet", Status: 400}
	cannotDelete         = fault.Kind{Code: "CannotDelete", Status: 400}
	dependencyViolation  = fault.Kind{Code: "DependencyViolation", Status: 400}
	dryRunOperation      = fault.Kind{Code: "DryRunOperation", Status: 412}
	duplicateSubnets     = fault.Kind{Code: "DuplicateSubnetsInSameZone", Status: 400}
	endpointLimit        = fault.Kind{Code: "VpcEndpointLimitExceeded", Status: 400}
	groupDuplicate       = fault.Kind{Code: "InvalidGroup.Duplicate", Status: 400}
	groupLimit           = fault.Kind{Code: "SecurityGroupLimitExceeded", Status: 400}
	groupsPerInterface   = fault.Kind{Code: "SecurityGroupsPerInterfaceLimitExceeded", Status: 400}
	interfaceInUse       = fault.Kind{Code: "InvalidNetworkInterface.InUse", Status: 400}
	interfaceLimit       = fault.Kind{Code: "NetworkInterfaceLimitExceeded", Status: 400}
	invalidCombination   = fault.Kind{Code: "InvalidParameterCombination", Status: 400}
	invalidID            = fault.Kind{Code: "InvalidID", Status: 400}
	invalidNextToken     = fault.Kind{Code: "InvalidNextToken", Status: 400}
	invalidParameter     = fault.Kind{Code: "InvalidParameter", Status: 400}
	invalidPolicy        = fault.Kind{Code: "InvalidPolicyDocument", Status: 400}
	invalidServiceName   = fault.Kind{Code: "InvalidServiceName", Status: 400}
	invalidValue         = fault.Kind{Code: "InvalidParameterValue", Status: 400}
	missingParameter     = fault.Kind{Code: "MissingParameter", Status: 400}
	noDefaultVPC         = fault.Kind{Code: "VPCIdNotSpecified", Status: 400}
	notPermitted         = fault.Kind{Code: "OperationNotPermitted", Status: 400}
	permissionDuplicate  = fault.Kind{Code: "InvalidPermission.Duplicate", Status: 400}
	permissionNotFound   = fault.Kind{Code: "InvalidPermission.NotFound", Status: 400}
	resourceAssociated   = fault.Kind{Code: "Resource.AlreadyAssociated", Status: 400}
	routeAlreadyExists   = fault.Kind{Code: "RouteAlreadyExists", Status: 400}
	routeNotFound        = fault.Kind{Code: "InvalidRoute.NotFound", Status: 400}
	routeNotSupported    = fault.Kind{Code: "RouteNotSupported", Status: 400}
	routeTableLimit      = fault.Kind{Code: "RouteTableLimitExceeded", Status: 400}
	rulesPerGroup        = fault.Kind{Code: "RulesPerSecurityGroupLimitExceeded", Status: 400}
	subnetConflict       = fault.Kind{Code: "InvalidSubnet.Conflict", Status: 400}
	subnetLimit          = fault.Kind{Code: "SubnetLimitExceeded", Status: 400}
	subnetRange          = fault.Kind{Code: "InvalidSubnet.Range", Status: 400}
	tagLimit             = fault.Kind{Code: "TagLimitExceeded", Status: 400}
	tokenMismatch        = fault.Kind{Code: "IdempotentParameterMismatch", Status: 400}
	unsupportedOperation = fault.Kind{Code: "UnsupportedOperation", Status: 400}
	vpcLimit             = fault.Kind{Code: "VpcLimitExceeded", Status: 400}
	vpcRange             = fault.Kind{Code: "InvalidVpc.Range", Status: 400}
)

var operations = api.NewSet[*Service]("ec2")

// Config is what the service needs. Quotas may be left zero: those are AWS's defaults.
type Config struct {
	DB        *store.DB
	Directory *directory.Directory
	Fabric    fabric.Fabric
	Region    string
	// Regions are all that are served; the first is the one that names without a region belong to. Others
	// are the parts of the database that hold the other regions' records. Both may be empty: then Region is alone.
	Regions, Others []string
	Log             *slog.Logger
	Quotas          Quotas
	// Uplink and Recursors go into the network's Internet as they are.
	Uplink    bool
	Recursors []netip.AddrPort
	// TunnelAddress is where the fabric's VPN gateways listen, and TunnelPort the port of the first, as
	// customers are told; zero are loopback and the usual port.
	TunnelAddress netip.Addr
	TunnelPort    int
	// Client is the door, by which flow logs are delivered; FlowWindow is how often, zero the constant.
	Client     api.Client
	FlowWindow time.Duration
	// Balancer tells of a network load balancer the zones it is in; TXT gives the texts that an account's
	// hosted zones have for a name. Both may be nil: then there are none.
	Balancer func(tx *store.Tx, account, arn string) (zones []string, found bool, err error)
	TXT      func(tx *store.Tx, account, name string) ([]string, error)
	// Parts are what other services add to the network, each of its own records.
	Parts []Part
	// Domains are the names of the hosted zones that are associated with a VPC; nil: there are none.
	Domains func(tx *store.Tx, account, vpc string) ([]string, error)
}

// Part adds to a network what a service's records say, in the transaction that all parts share. The
// VPCs, subnets and interfaces are there already.
type Part func(tx *store.Tx, n *network.Network) error

// Service holds no state but how far the fabric has followed the records.
type Service struct {
	Config
	queue    *reconcile.Queue
	progress progress
	collector
	public atomic.Pointer[map[netip.Addr]netip.Addr] // elastic addresses, and whose they are
}

// New makes the service; nothing happens before Load.
func New(c Config) *Service {
	c.Quotas = c.Quotas.filled()
	if len(c.Regions) == 0 {
		c.Regions = []string{c.Region}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if !c.TunnelAddress.IsValid() {
		c.TunnelAddress = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	if c.TunnelPort == 0 {
		c.TunnelPort = TunnelPort
	}
	if c.FlowWindow == 0 {
		c.FlowWindow = FlowWindow
	}
	s := &Service{Config: c, progress: newProgress()}
	s.queue = reconcile.New("network", c.Log, s.work)
	return s
}

// Bind gives the operations their service.
func (s *Service) Bind() (*api.Service, error) { return operations.Bind(s) }

// Load tells the directory about every endpoint's policy and brings the fabric to what the records
// say. It comes before Run.
func (s *Service) Load(ctx context.Context) error {
	if err := s.loadPolicies(ctx); err != nil {
		return err
	}
	if err := s.forgetTokens(ctx); err != nil {
		return err
	}
	if err := s.migrateACLs(ctx); err != nil {
		return err
	}
	if err := s.migrateDHCP(ctx); err != nil {
		return err
	}
	again, err := s.work(ctx, networkKey)
	if again > 0 {
		s.queue.Add(networkKey)
	}
	return err
}

// Run keeps the fabric at what the records say, until ctx is done.
func (s *Service) Run(ctx context.Context) error {
	defer s.progress.stop()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.queue.Run(ctx, 1) })
	if s.Client != nil {
		g.Go(func() error { return s.deliverFlows(ctx) })
	}
	return g.Wait()
}
