package iam

import (
	"context"
	"crypto/rand"
	"strings"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/caller"
	shape "cloister/internal/value/shape/iam"
)

var (
	_ = api.Define(operations, "CreateServiceLinkedRole", func(c *api.Call, in *shape.CreateServiceLinkedRoleRequest) []api.Check {
		return []api.Check{{Action: "iam:CreateServiceLinkedRole", Keys: []api.Key{api.K("iam:AWSServiceName", *in.AWSServiceName)},
			Resource: caller.ServiceLinkedRoleARN(*in.AWSServiceName, linkedTo(*in.AWSServiceName, in.CustomSuffix), c.Account())}}
	}, (*Service).createServiceLinkedRole)
	_ = api.Define(operations, "DeleteServiceLinkedRole", on("DeleteServiceLinkedRole", func(c *api.Call, in *shape.DeleteServiceLinkedRoleRequest) string {
		return at(c, role, in.RoleName)
	}), (*Service).deleteServiceLinkedRole)
	_ = api.Define(operations, "GetServiceLinkedRoleDeletionStatus", on("GetServiceLinkedRoleDeletionStatus", func(c *api.Call, in *shape.GetServiceLinkedRoleDeletionStatusRequest) string {
		service, name := linkedIn(*in.DeletionTaskId)
		return caller.ServiceLinkedRoleARN(service, name, c.Account())
	}), (*Service).getServiceLinkedRoleDeletionStatus)
)

// linkedTo names the service-linked role of a service.
func linkedTo(service string, suffix *string) string {
	name := linkedName + linkable[service]
	if suffix != nil {
		name += "_" + *suffix
	}
	return name
}

// suffixes are the services that may have several roles in an account.
var suffixes = map[string]bool{"autoscaling.amazonaws.com": true}

// createServiceLinkedRole makes the role of a service.
func (s *Service) createServiceLinkedRole(ctx context.Context, c *api.Call, in *shape.CreateServiceLinkedRoleRequest) (*shape.CreateServiceLinkedRoleResponse, error) {
	service := *in.AWSServiceName
	if linkable[service] == "" {
		return nil, invalidInput.New("Service name %s is not one that Cloister knows a service-linked role of.", service)
	}
	if in.CustomSuffix != nil && !suffixes[service] {
		return nil, invalidInput.New("Custom suffix is not allowed for %s", service)
	}
	name := linkedTo(service, in.CustomSuffix)
	var out *shape.CreateServiceLinkedRoleResponse
	err := s.DB.Update(ctx, func(tx *store.Tx) error {
		old, err := entities.Get(tx, entityKey(c.Account(), role, name))
		if err != nil {
			return err
		}
		if old != nil {
			return invalidInput.New("Service role name %s has been taken in this account, please try a different suffix.", name)
		}
		e := linked(c.Account(), service, name, tx.Now)
		e.Description = text(in.Description)
		out = &shape.CreateServiceLinkedRoleResponse{Role: e.roleShape()}
		return s.put(tx, e)
	})
	return out, err
}

// deletion is the last attempt to delete a service-linked role.
type deletion struct {
	ID     string
	Failed bool `json:",omitempty"` // the service is here and needs the role
}

// deletions are keyed by account, service and role.
var deletions = store.NewTable[deletion]("iam_role_deletion")

// deleteServiceLinkedRole deletes a role at once, unless its service is here and needs it.
func (s *Service) deleteServiceLinkedRole(ctx context.Context, c *api.Call, in *shape.DeleteServiceLinkedRoleRequest) (*shape.DeleteServiceLinkedRoleResponse, error) {
	var d deletion
	err := s.DB.Update(ctx, func(tx *store.Tx) error {
		e, err := get(tx, c, role, *in.RoleName)
		if err != nil {
			return err
		}
		if !e.Protected {
			return invalidInput.New("The role %s is not a service-linked role.", e.Name)
		}
		service := strings.Trim(strings.TrimPrefix(e.Path, linkedPath), "/")
		d.ID = "task" + e.Path + e.Name + "/" + strings.ToLower(rand.Text())
		if e.House {
			d.Failed = true
		} else {
			tx.After(func() { forget(s.Directory, role, e.ARN) })
			if err := entities.Delete(tx, e.key()); err != nil {
				return err
			}
		}
		return deletions.Put(tx, store.Key(e.Account, service, e.Name), &d)
	})
	return &shape.DeleteServiceLinkedRoleResponse{DeletionTaskId: &d.ID}, err
}

// linkedIn takes a deletion's id apart: task/aws-service-role/SERVICE/ROLE/UNIQUE.
func linkedIn(id string) (service, name string) {
	parts := strings.Split(id, "/")
	if len(parts) != 5 {
		return "", ""
	}
	return parts[2], parts[3]
}

// getServiceLinkedRoleDeletionStatus tells how the last deletion of a role went.
func (s *Service) getServiceLinkedRoleDeletionStatus(ctx context.Context, c *api.Call, in *shape.GetServiceLinkedRoleDeletionStatusRequest) (*shape.GetServiceLinkedRoleDeletionStatusResponse, error) {
	out := &shape.GetServiceLinkedRoleDeletionStatusResponse{Status: new("SUCCEEDED")}
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		service, name := linkedIn(*in.DeletionTaskId)
		d, err := deletions.Get(tx, store.Key(c.Account(), service, name))
		switch {
		case err != nil:
			return err
		case d == nil || d.ID != *in.DeletionTaskId:
			return noSuchEntity.New("The deletion task with id %s cannot be found.", *in.DeletionTaskId)
		case d.Failed:
			out.Status, out.Reason = new("FAILED"), &shape.DeletionTaskFailureReasonType{Reason: new("The service keeps house in the account with this role.")}
		}
		return nil
	})
	return out, err
}
