package iam

import (
	"context"
	"strings"

	"cloister/internal/engine/policy"
	"cloister/internal/frame/api"
	shape "cloister/internal/value/shape/iam"
)

var _ = api.Define(operations, "GetContextKeysForCustomPolicy", on("GetContextKeysForCustomPolicy", func(c *api.Call, in *shape.GetContextKeysForCustomPolicyRequest) string { return "*" }), (*Service).getContextKeysForCustomPolicy)

// getContextKeysForCustomPolicy lists the condition keys that policies use, as they write them.
func (s *Service) getContextKeysForCustomPolicy(ctx context.Context, c *api.Call, in *shape.GetContextKeysForCustomPolicyRequest) (*shape.GetContextKeysForPolicyResponse, error) {
	list, err := documents(inputList, in.PolicyInputList)
	return &shape.GetContextKeysForPolicyResponse{ContextKeyNames: keysUsed(list)}, err
}

// keysUsed lists keys once each, however they are spelled.
func keysUsed(lists ...[]policy.Attached) []string {
	out, seen := []string{}, map[string]bool{}
	for _, list := range lists {
		for i := range list {
			for _, k := range list[i].Document.ContextKeys() {
				if !seen[strings.ToLower(k)] {
					seen[strings.ToLower(k)] = true
					out = append(out, k)
				}
			}
		}
	}
	return out
}
