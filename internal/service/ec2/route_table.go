package ec2

import (
	"slices"

	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ec2"
)

// gatewayRoutes gives the gateway endpoints of an account that have a route in a table.
func gatewayRoutes(tx *store.Tx, account string) (func(table string) []*endpoint, error) {
	list, err := endpoints.where(tx, account, func(e *endpoint) bool { return e.Gateway && e.State != deleting })
	return func(table string) (out []*endpoint) {
		for _, e := range list {
			if slices.Contains(e.Tables, table) {
				out = append(out, e)
			}
		}
		return out
	}, err
}

func (v *routeView) aws(t *routeTable) shape.RouteTable {
	out := shape.RouteTable{
		RouteTableId: &t.ID, VpcId: &t.VPC, OwnerId: &t.Account, Tags: awsTags(t.Tags), PropagatingVgws: []shape.PropagatingVgw{},
		Associations: []shape.RouteTableAssociation{}, Routes: v.routes(t),
	}
	for _, g := range v.vpn.propagating(t) {
		out.PropagatingVgws = append(out.PropagatingVgws, shape.PropagatingVgw{GatewayId: &g.ID})
	}
	if t.Main != "" {
		out.Associations = append(out.Associations, awsAssociation(t, association{ID: t.Main}))
	}
	for _, a := range t.Associations {
		out.Associations = append(out.Associations, awsAssociation(t, a))
	}
	return out
}

func awsAssociation(t *routeTable, a association) shape.RouteTableAssociation {
	out := shape.RouteTableAssociation{
		RouteTableAssociationId: &a.ID, RouteTableId: &t.ID, Main: new(a.Subnet == ""), AssociationState: associated(),
	}
	if a.Subnet != "" {
		out.SubnetId = &a.Subnet
	}
	return out
}

func associated() *shape.RouteTableAssociationState {
	return &shape.RouteTableAssociationState{State: new("associated")}
}

func (t *routeTable) mains() []string {
	var out []string
	if t.Main != "" {
		out = append(out, "true")
	}
	if len(t.Associations) > 0 {
		out = append(out, "false")
	}
	return out
}

func (t *routeTable) associationIDs() []string {
	var out []string
	if t.Main != "" {
		out = append(out, t.Main)
	}
	for _, a := range t.Associations {
		out = append(out, a.ID)
	}
	return out
}

func tableFields() fields[*routeTable] {
	return fields[*routeTable]{
		"route-table-id":                         one(func(t *routeTable) string { return t.ID }),
		"vpc-id":                                 one(func(t *routeTable) string { return t.VPC }),
		"owner-id":                               one(func(t *routeTable) string { return t.Account }),
		"association.main":                       (*routeTable).mains,
		"association.route-table-association-id": (*routeTable).associationIDs,
		"association.gateway-id":                 never[*routeTable],
		"association.route-table-id": func(t *routeTable) []string {
			if len(t.associationIDs()) == 0 {
				return nil
			}
			return []string{t.ID}
		},
		"association.subnet-id": func(t *routeTable) (out []string) {
			for _, a := range t.Associations {
				out = append(out, a.Subnet)
			}
			return out
		},
	}
}

// associationOf finds the table that an association belongs to; main tells which kind it is.
func associationOf(tx *store.Tx, account, id string) (t *routeTable, a association, err error) {
	if !wellFormed("rtbassoc-", id) {
		return nil, a, malformedAssociation.New(`Invalid id: "%s" (expecting "rtbassoc-...")`, id)
	}
	all, err := routeTables.all(tx, account)
	if err != nil {
		return nil, a, err
	}
	for _, t := range all {
		if t.Main == id {
			return t, association{ID: id}, nil
		}
		for _, a := range t.Associations {
			if a.ID == id {
				return t, a, nil
			}
		}
	}
	return nil, a, associationNotFound.New("The association ID '%s' does not exist", id)
}

func (t *routeTable) drop(id string) {
	t.Associations = slices.DeleteFunc(slices.Clone(t.Associations), func(a association) bool { return a.ID == id })
}
