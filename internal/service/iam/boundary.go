package iam

import (
	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/fault"
	shape "cloister/internal/value/shape/iam"
)

// boundaryKeys is what a policy may ask about a boundary that a request brings.
func boundaryKeys(arn *string) []api.Key {
	if arn == nil {
		return nil
	}
	return []api.Key{api.K("iam:PermissionsBoundary", *arn)}
}

// withBoundary is on for operations that give a boundary.
func withBoundary[In any](action string, resource func(*api.Call, *In) (entity string, boundary *string)) func(*api.Call, *In) []api.Check {
	return func(c *api.Call, in *In) []api.Check {
		on, boundary := resource(c, in)
		return []api.Check{{Action: "iam:" + action, Resource: on, Keys: boundaryKeys(boundary)}}
	}
}

// bound gives an entity a boundary: a managed policy that the account may attach.
func (e *entity) bound(tx *store.Tx, c *api.Call, arn string) error {
	_, err := own(tx, c, arn)
	if fault.Is(err, noSuchEntity.Code) {
		return noSuchEntity.New("Scope ARN: %s does not exist or is not attachable.", arn)
	}
	e.Boundary = arn
	return err
}

// createBounded is create with the boundary that the request may bring.
func (s *Service) createBounded(tx *store.Tx, c *api.Call, e *entity, arn *string) error {
	if arn != nil {
		if err := e.bound(tx, c, *arn); err != nil {
			return err
		}
	}
	return s.create(tx, c, e)
}

func (e *entity) boundary() *shape.AttachedPermissionsBoundary {
	if e.Boundary == "" {
		return nil
	}
	return &shape.AttachedPermissionsBoundary{PermissionsBoundaryType: new("Policy"), PermissionsBoundaryArn: &e.Boundary}
}
