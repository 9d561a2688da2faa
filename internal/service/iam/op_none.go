package iam

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/iam"
)

// What users never have here is asked for all the same, before a client deletes one.
var (
	_ = api.Define(operations, "ListMFADevices", on("ListMFADevices", func(c *api.Call, in *shape.ListMFADevicesRequest) string { return whose(c, in.UserName) }),
		func(s *Service, ctx context.Context, c *api.Call, in *shape.ListMFADevicesRequest) (*shape.ListMFADevicesResponse, error) {
			return &shape.ListMFADevicesResponse{MFADevices: []shape.MFADevice{}, IsTruncated: new(false)}, s.there(ctx, c, in.UserName)
		})
	_ = api.Define(operations, "ListSSHPublicKeys", on("ListSSHPublicKeys", func(c *api.Call, in *shape.ListSSHPublicKeysRequest) string { return whose(c, in.UserName) }),
		func(s *Service, ctx context.Context, c *api.Call, in *shape.ListSSHPublicKeysRequest) (*shape.ListSSHPublicKeysResponse, error) {
			return &shape.ListSSHPublicKeysResponse{SSHPublicKeys: []shape.SSHPublicKeyMetadata{}, IsTruncated: new(false)}, s.there(ctx, c, in.UserName)
		})
	_ = api.Define(operations, "ListSigningCertificates", on("ListSigningCertificates", func(c *api.Call, in *shape.ListSigningCertificatesRequest) string { return whose(c, in.UserName) }),
		func(s *Service, ctx context.Context, c *api.Call, in *shape.ListSigningCertificatesRequest) (*shape.ListSigningCertificatesResponse, error) {
			return &shape.ListSigningCertificatesResponse{Certificates: []shape.SigningCertificate{}, IsTruncated: new(false)}, s.there(ctx, c, in.UserName)
		})
	_ = api.Define(operations, "ListServiceSpecificCredentials", on("ListServiceSpecificCredentials", func(c *api.Call, in *shape.ListServiceSpecificCredentialsRequest) string {
		return whose(c, in.UserName)
	}),
		func(s *Service, ctx context.Context, c *api.Call, in *shape.ListServiceSpecificCredentialsRequest) (*shape.ListServiceSpecificCredentialsResponse, error) {
			none := &shape.ListServiceSpecificCredentialsResponse{ServiceSpecificCredentials: []shape.ServiceSpecificCredentialMetadata{}, IsTruncated: new(false)}
			if in.AllUsers != nil && *in.AllUsers {
				return none, nil
			}
			return none, s.there(ctx, c, in.UserName)
		})
	_ = api.Define(operations, "ListVirtualMFADevices", on("ListVirtualMFADevices", func(*api.Call, *shape.ListVirtualMFADevicesRequest) string { return "*" }),
		func(*Service, context.Context, *api.Call, *shape.ListVirtualMFADevicesRequest) (*shape.ListVirtualMFADevicesResponse, error) {
			return &shape.ListVirtualMFADevicesResponse{VirtualMFADevices: []shape.VirtualMFADevice{}, IsTruncated: new(false)}, nil
		})
	_ = api.Define(operations, "GetLoginProfile", on("GetLoginProfile", func(c *api.Call, in *shape.GetLoginProfileRequest) string { return whose(c, in.UserName) }),
		func(s *Service, ctx context.Context, c *api.Call, in *shape.GetLoginProfileRequest) (*shape.GetLoginProfileResponse, error) {
			return nil, s.noLogin(ctx, c, in.UserName)
		})
	_ = api.Define(operations, "DeleteLoginProfile", on("DeleteLoginProfile", func(c *api.Call, in *shape.DeleteLoginProfileRequest) string { return whose(c, in.UserName) }),
		func(s *Service, ctx context.Context, c *api.Call, in *shape.DeleteLoginProfileRequest) (*struct{}, error) {
			return nil, s.noLogin(ctx, c, in.UserName)
		})
)

// there tells whether there is such a user, or who asks when it is not said, to have nothing.
func (s *Service) there(ctx context.Context, c *api.Call, name *string) error {
	return s.DB.View(ctx, func(tx *store.Tx) error {
		_, _, err := keyOwner(tx, c, name)
		return err
	})
}

// noLogin says that a user has no password.
func (s *Service) noLogin(ctx context.Context, c *api.Call, name *string) error {
	if err := s.there(ctx, c, name); err != nil {
		return err
	}
	if name == nil {
		name = &c.Caller.Identity.Name
	}
	return noSuchEntity.New("Login Profile for User %s cannot be found.", *name)
}
