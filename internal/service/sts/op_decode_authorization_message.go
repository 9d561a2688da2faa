package sts

import (
	"context"

	"cloister/internal/frame/api"
	shape "cloister/internal/value/shape/sts"
)

var _ = api.Define(operations, "DecodeAuthorizationMessage", func(*api.Call, *shape.DecodeAuthorizationMessageRequest) []api.Check {
	return []api.Check{{Action: "sts:DecodeAuthorizationMessage", Resource: "*"}}
}, (*Service).decodeAuthorizationMessage)

// decodeAuthorizationMessage opens what a denial carried, for the account whose call was denied.
func (s *Service) decodeAuthorizationMessage(_ context.Context, c *api.Call, in *shape.DecodeAuthorizationMessageRequest) (*shape.DecodeAuthorizationMessageResponse, error) {
	text, err := s.Directory.OpenMessage(c.Account(), *in.EncodedMessage)
	if err != nil {
		return nil, badMessage.New("The message is not an authorization message of this account.")
	}
	message := string(text)
	return &shape.DecodeAuthorizationMessageResponse{DecodedMessage: &message}, nil
}
