// Package sts turns one identity into another for a while: sessions of roles, users and federated users.
//
// It promises that nobody gets a session the role's trust policy does not allow, and that a session
// ends when it says. The trust policy is asked by the door, like every policy.
package sts

import (
	"cloister/internal/frame/api"
	"cloister/internal/frame/directory"
	"cloister/internal/value/fault"
)

var operations = api.NewSet[*Service]("sts")

var (
	validation   = fault.Kind{Code: "ValidationError", Status: 400}
	accessDenied = fault.Kind{Code: "AccessDenied", Status: 403}
	malformed    = fault.Kind{Code: "MalformedPolicyDocument", Status: 400}
	invalidValue = fault.Kind{Code: "InvalidParameterValue", Status: 400}
	tooLarge     = fault.Kind{Code: "PackedPolicyTooLarge", Status: 400}
)

// Service is STS over the directory.
type Service struct{ Directory *directory.Directory }

// Bind gives the operations to the door.
func (s *Service) Bind() (*api.Service, error) { return operations.Bind(s) }
