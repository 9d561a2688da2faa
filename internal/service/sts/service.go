// Package sts turns one identity into another for a while: sessions of roles and users, federated users.
//
// It promises that nobody gets a session the policies of both sides do not allow, that a session ends
// when it says, and that what a chain of sessions hands down cannot be dropped or changed on the way.
// The policies are asked by the door, like every policy.
package sts

import (
	"time"

	"cloister/internal/frame/api"
	"cloister/internal/frame/directory"
	"cloister/internal/machine/issuer"
	"cloister/internal/value/fault"
)

var operations = api.NewSet[*Service]("sts")

var (
	validation   = fault.Kind{Code: "ValidationError", Status: 400}
	accessDenied = fault.Kind{Code: "AccessDenied", Status: 403}
	malformed    = fault.Kind{Code: "MalformedPolicyDocument", Status: 400}
	invalidValue = fault.Kind{Code: "InvalidParameterValue", Status: 400}
	packedTooBig = fault.Kind{Code: "PackedPolicyTooLarge", Status: 400}
	badMessage   = fault.Kind{Code: "InvalidAuthorizationMessageException", Status: 400}
)

// Service is STS over the directory.
type Service struct {
	Directory *directory.Directory
	// Client is the door: who comes with a token calls again through it as whom the token names.
	Client api.Client
	// Issuers verify tokens; nil knows none.
	Issuers *issuer.Set
	Now     func() time.Time
}

// Bind gives the operations to the door.
func (s *Service) Bind() (*api.Service, error) { return operations.Bind(s) }

// noDevice answers a request that comes with a device's code: nobody has a device here.
func noDevice(serial, code *string) error {
	switch {
	case serial == nil && code == nil:
		return nil
	case serial == nil || code == nil:
		return accessDenied.New("MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.")
	}
	return accessDenied.New("MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user.")
}
