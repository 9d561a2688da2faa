package sts

import (
	"context"

	"cloister/internal/frame/api"
	"cloister/internal/value/fault"
	shape "cloister/internal/value/shape/sts"
)

var badMessage = fault.Kind{Code: "InvalidAuthorizationMessageException", Status: 400}

var _ = api.Define(operations, "DecodeAuthorizationMessage", func(*api.Call, *shape.DecodeAuthorizationMessageRequest) []api.Check {
	return []api.Check{{Action: "sts:DecodeAuthorizationMessage", Resource: "*"}}
}, (*Service).decodeAuthorizationMessage)

// decodeAuthorizationMessage opens what a denial to the caller's account said in its encoded message.
func (s *Service) decodeAuthorizationMessage(_ context.Context, c *api.Call, in *shape.DecodeAuthorizationMessageRequest) (*shape.DecodeAuthorizationMessageResponse, error) {
	text, err := s.Directory.OpenMessage(c.Account(), *in.EncodedMessage)
	if err != nil {
		return nil, badMessage.New("Message is not valid")
	}
	return &shape.DecodeAuthorizationMessageResponse{DecodedMessage: new(string(text))}, nil
}

var _ = api.Define(operations, "GetAccessKeyInfo", func(*api.Call, *shape.GetAccessKeyInfoRequest) []api.Check {
	return []api.Check{{Action: "sts:GetAccessKeyInfo", Resource: "*"}}
}, (*Service).getAccessKeyInfo)

// getAccessKeyInfo tells whose account a key is of. That of a temporary key only its token says, so only
// lasting ones are known (difference 34).
func (s *Service) getAccessKeyInfo(_ context.Context, _ *api.Call, in *shape.GetAccessKeyInfoRequest) (*shape.GetAccessKeyInfoResponse, error) {
	account, known := s.Directory.AccountOf(*in.AccessKeyId)
	if !known {
		return nil, validation.New("The access key %s is not known.", *in.AccessKeyId)
	}
	return &shape.GetAccessKeyInfoResponse{Account: &account}, nil
}
