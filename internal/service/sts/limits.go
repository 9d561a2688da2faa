package sts

import (
	"bytes"
	"encoding/json"

	"cloister/internal/engine/policy"
	"cloister/internal/value/arn"
	"cloister/internal/value/caller"
	shape "cloister/internal/value/shape/sts"
)

const (
	mostARNs    = 10
	mostText    = 2048 // characters of the policy and the ARNs together
	mostPacked  = 4096 // bytes of policy, ARNs and tags, packed: what AWS allows is nowhere written
	wholePacked = 100  // per cent
)

// limit puts session policies into an identity whose tags are there already, and gives the share of the packed
// size that all of it takes. Managed policies are named only: what they say is asked at each decision.
func (s *Service) limit(id *caller.Identity, text *string, arns []shape.PolicyDescriptorType) (*int32, error) {
	if len(arns) > mostARNs {
		return nil, validation.New("1 validation error detected: Value at 'policyArns' failed to satisfy constraint: Member must have length less than or equal to %d", mostARNs)
	}
	plain, packed := 0, 0
	if text != nil {
		doc, err := policy.Parse(*text)
		if err == nil {
			err = doc.Check(policy.Session)
		}
		if err != nil {
			return nil, malformed.New("%s", policy.Told(policy.Session, err))
		}
		id.SessionPolicies = []string{*text}
		plain, packed = len(*text), compact(*text)
	}
	for _, p := range arns {
		if err := s.managed(id.Account, p.Arn); err != nil {
			return nil, err
		}
		id.SessionARNs = append(id.SessionARNs, *p.Arn)
		plain, packed = plain+len(*p.Arn), packed+len(*p.Arn)
	}
	if plain > mostText {
		return nil, validation.New("The plain text of the session policy and the policy ARNs may not exceed %d characters.", mostText)
	}
	return share(packed, id.Tags)
}

// managed refuses the ARN of what is no managed policy of the account, nor of AWS.
func (s *Service) managed(account string, name *string) error {
	if name == nil {
		return validation.New("1 validation error detected: Value null at 'policyArns' failed to satisfy constraint: Member must not be null")
	}
	a, err := arn.Parse(*name)
	if err != nil || a.Service != "iam" {
		return validation.New("%s is invalid", *name)
	}
	if m := s.Directory.Managed(*name); m == nil || a.Account != account && a.Account != "aws" {
		return validation.New("Policy %s does not exist or is not attachable.", *name)
	}
	return nil
}

// compact is the length of a policy without white space.
func compact(text string) int {
	var b bytes.Buffer
	if json.Compact(&b, []byte(text)) != nil {
		return len(text)
	}
	return b.Len()
}

// share gives the packed size in per cent, nil if there is nothing to pack.
func share(policies int, tags []caller.Tag) (*int32, error) {
	all := policies
	for _, t := range tags {
		all += len(t.Key) + len(t.Value)
	}
	if all == 0 {
		return nil, nil
	}
	percent := int32((all*wholePacked + mostPacked - 1) / mostPacked) //nolint:gosec // bounded by the request's size
	switch {
	case percent > wholePacked && policies > mostPacked/2:
		return nil, packedTooBig.New("Packed policy consumes %d%% of allotted space, please use smaller policy.", percent)
	case percent > wholePacked:
		return nil, packedTooBig.New("Packed size of session tags consumes %d%% of allotted space.", percent)
	}
	return &percent, nil
}
