package ec2

import (
	"context"
	"net/netip"
	"slices"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/fault"
	shape "cloister/internal/value/shape/ec2"
)

// beginning marks an account that was given its default VPC once; whoever deletes it is not given another
// without asking.
type beginning struct{ Account string }

var beginnings = store.NewTable[beginning]("ec2.account")

var (
	defaultVPCExists    = fault.Kind{Code: "DefaultVpcAlreadyExists", Status: 400}
	defaultSubnetExists = fault.Kind{Code: "DefaultSubnetAlreadyExistsInAvailabilityZone", Status: 400}
	defaultVPCAbsent    = fault.Kind{Code: "DefaultVpcDoesNotExist", Status: 400}
)

var defaultRange = netip.MustParsePrefix("172.31.0.0/16")

// Begin gives a new account its default VPC. It comes before Load.
func (s *Service) Begin(ctx context.Context, account string) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error { return s.begin(tx, account) })
}

// Found is Begin while the server runs.
func (s *Service) Found(ctx context.Context, account string) error {
	return s.change(ctx, func(tx *store.Tx) error { return s.begin(tx, account) })
}

func (s *Service) begin(tx *store.Tx, account string) error {
	done, err := beginnings.Get(tx, account)
	if err != nil || done != nil {
		return err
	}
	if err := beginnings.Put(tx, account, &beginning{account}); err != nil {
		return err
	}
	_, err = s.newDefaultVPC(tx, account)
	return err
}

// newDefaultVPC makes what AWS makes: 172.31.0.0/16 with a subnet in each zone, and an internet gateway to
// which the main route table leads.
func (s *Service) newDefaultVPC(tx *store.Tx, account string) (*vpc, error) {
	v := &vpc{head: vpcs.begin(tx, account, nil), CIDR: defaultRange, Association: newID("vpc-cidr-assoc-"), DNSSupport: true, DNSHostnames: true,
		DHCPOptionsID: dhcpOptions(account), Default: true}
	if err := s.ownDHCP(tx, account); err != nil {
		return nil, err
	}
	if err := furnish(tx, v); err != nil {
		return nil, err
	}
	g := &internetGateway{head: internetGateways.begin(tx, account, nil), VPC: v.ID}
	if err := internetGateways.put(tx, g); err != nil {
		return nil, err
	}
	t, err := routeTables.get(tx, account, v.Table)
	if err != nil {
		return nil, err
	}
	t.Routes = append(t.Routes, route{CIDR: anywhere, Target: g.ID})
	if err := routeTables.put(tx, t); err != nil {
		return nil, err
	}
	for _, z := range zones(s.Region) {
		if _, err := s.newDefaultSubnet(tx, v, z.Name); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// newDefaultSubnet takes the first free /20 of the default VPC.
func (s *Service) newDefaultSubnet(tx *store.Tx, v *vpc, zone string) (*subnet, error) {
	others, err := subnets.where(tx, v.Account, func(n *subnet) bool { return n.VPC == v.ID })
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(others, func(n *subnet) bool { return n.Default && n.Zone == zone }) {
		return nil, defaultSubnetExists.New("A default subnet already exists in this Availability Zone: %s", zone)
	}
	base := number(v.CIDR.Addr())
	for i := range uint32(16) {
		cidr := netip.PrefixFrom(address(base+i<<12), 20)
		if slices.ContainsFunc(others, func(n *subnet) bool { return n.CIDR.Overlaps(cidr) }) {
			continue
		}
		n := &subnet{head: subnets.begin(tx, v.Account, nil), VPC: v.ID, CIDR: cidr, Zone: zone, ACLAssociation: newID("aclassoc-"), MapPublicIP: true, Default: true}
		return n, subnets.put(tx, n)
	}
	return nil, subnetConflict.New("There is no room for another default subnet in %s", v.ID)
}

// defaultVPC gives an account's; nil when it has none.
func defaultVPC(tx *store.Tx, account string) (*vpc, error) {
	list, err := vpcs.where(tx, account, func(v *vpc) bool { return v.Default })
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return list[0], nil
}

var _ = api.Define(operations, "CreateDefaultVpc", func(c *api.Call, _ *shape.CreateDefaultVpcRequest) []api.Check {
	return []api.Check{check(c, "CreateDefaultVpc", "vpc", "")}
}, (*Service).createDefaultVpc)

func (s *Service) createDefaultVpc(ctx context.Context, c *api.Call, in *shape.CreateDefaultVpcRequest) (*shape.CreateDefaultVpcResult, error) {
	if err := begin(in); err != nil {
		return nil, err
	}
	out := new(shape.CreateDefaultVpcResult)
	return out, s.change(ctx, func(tx *store.Tx) error {
		old, err := defaultVPC(tx, c.Account())
		if err != nil || old != nil {
			return either(err, defaultVPCExists.New("A Default VPC already exists for this account in this region."))
		}
		if n, err := countIn(tx, vpcs, c.Account(), func(*vpc) bool { return true }); err != nil || n >= s.Quotas.VPCs {
			return either(err, vpcLimit.New("The maximum number of VPCs has been reached."))
		}
		v, err := s.newDefaultVPC(tx, c.Account())
		if err == nil {
			out.Vpc = new(awsVPC(v, pending))
		}
		return err
	})
}

var _ = api.Define(operations, "CreateDefaultSubnet", func(c *api.Call, _ *shape.CreateDefaultSubnetRequest) []api.Check {
	return []api.Check{check(c, "CreateDefaultSubnet", "subnet", "")}
}, (*Service).createDefaultSubnet)

func (s *Service) createDefaultSubnet(ctx context.Context, c *api.Call, in *shape.CreateDefaultSubnetRequest) (*shape.CreateDefaultSubnetResult, error) {
	if err := begin(in, "AvailabilityZone", "AvailabilityZoneId"); err != nil {
		return nil, err
	}
	if str(in.AvailabilityZone) == "" && str(in.AvailabilityZoneId) == "" {
		return nil, missingParameter.New("The request must contain the parameter availabilityZone")
	}
	zone, err := s.subnetZone(str(in.AvailabilityZone), str(in.AvailabilityZoneId), 0)
	if err != nil {
		return nil, err
	}
	out := new(shape.CreateDefaultSubnetResult)
	return out, s.change(ctx, func(tx *store.Tx) error {
		v, err := defaultVPC(tx, c.Account())
		if err != nil || v == nil {
			return either(err, defaultVPCAbsent.New("No default VPC exists for this account in this region."))
		}
		n, err := s.newDefaultSubnet(tx, v, zone)
		if err == nil {
			out.Subnet = new(s.awsSubnet(n, capacity(n.CIDR)))
		}
		return err
	})
}

// vpcOrDefault gives the VPC that was named, or the default one when none was.
func vpcOrDefault(tx *store.Tx, account, id string) (*vpc, error) {
	if id != "" {
		return vpcs.get(tx, account, id)
	}
	v, err := defaultVPC(tx, account)
	if err == nil && v == nil {
		err = noDefaultVPC.New("No default VPC for this user")
	}
	return v, err
}
