package ec2

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/fault"
	shape "cloister/internal/value/shape/ec2"
)

var _ = api.Define(operations, "DeleteVpcEndpoints", func(c *api.Call, in *shape.DeleteVpcEndpointsRequest) []api.Check {
	if len(in.VpcEndpointIds) == 0 {
		return []api.Check{check(c, "DeleteVpcEndpoints", "vpc-endpoint", "")}
	}
	return each(c, "DeleteVpcEndpoints", "vpc-endpoint", in.VpcEndpointIds)
}, (*Service).deleteVpcEndpoints)

// deleteVpcEndpoints answers with what could not be deleted; that is no fault of the whole. An
// endpoint that is deleted lets no call through from the commit on, and its connections close when
// the fabric has left it out.
func (s *Service) deleteVpcEndpoints(ctx context.Context, c *api.Call, in *shape.DeleteVpcEndpointsRequest) (*shape.DeleteVpcEndpointsResult, error) {
	if err := begin(in, "VpcEndpointIds"); err != nil {
		return nil, err
	}
	if len(in.VpcEndpointIds) == 0 {
		return nil, missingParameter.New("The request must contain the parameter VpcEndpointId")
	}
	out := &shape.DeleteVpcEndpointsResult{}
	return out, s.change(ctx, func(tx *store.Tx) error {
		out.Unsuccessful = []shape.UnsuccessfulItem{}
		for _, id := range distinct(in.VpcEndpointIds) {
			err := s.endEndpoint(tx, c.Account(), id)
			f, isFault := fault.As(err)
			if err != nil && !isFault {
				return err
			}
			if isFault {
				out.Unsuccessful = append(out.Unsuccessful, shape.UnsuccessfulItem{
					ResourceId: new(id), Error: &shape.UnsuccessfulItemError{Code: new(f.Code), Message: new(f.Message)},
				})
			}
		}
		return nil
	})
}

func (s *Service) endEndpoint(tx *store.Tx, account, id string) error {
	e, err := endpoints.get(tx, account, id)
	if fault.Is(err, endpoints.notFound.Code) {
		// here, and only here, AWS's code has no "Id"
		return fault.Kind{Code: "InvalidVpcEndpoint.NotFound", Status: 400}.New(endpoints.absent, id)
	}
	if err != nil || e.State == deleting {
		return err
	}
	e.State = deleting
	tx.After(func() { s.Directory.RemoveEndpoint(id) })
	return endpoints.put(tx, e)
}
