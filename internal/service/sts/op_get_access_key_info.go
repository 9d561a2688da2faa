package sts

import (
	"context"

	"cloister/internal/frame/api"
	shape "cloister/internal/value/shape/sts"
)

var _ = api.Define(operations, "GetAccessKeyInfo", func(*api.Call, *shape.GetAccessKeyInfoRequest) []api.Check {
	return []api.Check{{Action: "sts:GetAccessKeyInfo", Resource: "*"}}
}, (*Service).getAccessKeyInfo)

// getAccessKeyInfo tells whose an access key is, of whatever account: who holds a key's id may know that much.
func (s *Service) getAccessKeyInfo(_ context.Context, _ *api.Call, in *shape.GetAccessKeyInfoRequest) (*shape.GetAccessKeyInfoResponse, error) {
	account, ok := s.Directory.AccountOf(*in.AccessKeyId)
	if !ok {
		return nil, validation.New("Invalid value for parameter: AccessKeyId, %s is no access key of an account.", *in.AccessKeyId)
	}
	return &shape.GetAccessKeyInfoResponse{Account: &account}, nil
}
