package ec2

import (
	"cloister/internal/machine/store"
	"cloister/internal/value/fault"
	shape "cloister/internal/value/shape/ec2"
)

// internetGateway is attached to one VPC or to none.
type internetGateway struct {
	head
	VPC string
}

var internetGateways = newKind[internetGateway]("internet-gateway", "igw-", "InvalidInternetGatewayID", "The internetGateway ID '%s' does not exist")

var (
	gatewayNotAttached   = fault.Kind{Code: "Gateway.NotAttached", Status: 400}
	internetGatewayLimit = fault.Kind{Code: "InternetGatewayLimitExceeded", Status: 400}
	noEgressOnly         = fault.Kind{Code: "InvalidGatewayID.NotFound", Status: 400}
)

func awsInternetGateway(g *internetGateway) shape.InternetGateway {
	out := shape.InternetGateway{InternetGatewayId: &g.ID, OwnerId: &g.Account, Tags: awsTags(g.Tags), Attachments: []shape.InternetGatewayAttachment{}}
	if g.VPC != "" {
		out.Attachments = append(out.Attachments, shape.InternetGatewayAttachment{VpcId: &g.VPC, State: new(available)})
	}
	return out
}

var internetGatewayFields = fields[*internetGateway]{
	"internet-gateway-id": one(func(g *internetGateway) string { return g.ID }),
	"owner-id":            one(func(g *internetGateway) string { return g.Account }),
	"attachment.vpc-id":   atMostOne(func(g *internetGateway) string { return g.VPC }),
	"attachment.state": func(g *internetGateway) []string {
		if g.VPC == "" {
			return nil
		}
		return []string{available}
	},
}

// atMostOne is a field with a single value or none.
func atMostOne[T any](of func(T) string) func(T) []string {
	return func(v T) []string {
		if s := of(v); s != "" {
			return []string{s}
		}
		return nil
	}
}

// internetGatewayOf gives the internet gateway that is attached to a VPC; nil for none.
func internetGatewayOf(tx *store.Tx, v *vpc) (*internetGateway, error) {
	list, err := internetGateways.where(tx, v.Account, func(g *internetGateway) bool { return g.VPC == v.ID })
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return list[0], nil
}

// mapped tells whether a VPC has interfaces with public addresses.
func mapped(tx *store.Tx, v *vpc) (bool, error) {
	own, err := enis.byID(tx, v.Account)
	if err != nil {
		return false, err
	}
	n, err := countIn(tx, elastics, v.Account, func(e *elastic) bool { return own[e.Interface] != nil && own[e.Interface].VPC == v.ID })
	return n > 0, err
}
