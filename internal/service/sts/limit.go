package sts

import (
	"cloister/internal/engine/policy"
	"cloister/internal/value/caller"
	shape "cloister/internal/value/shape/sts"
)

// room is how many bytes a session's policies and tags may take together. AWS packs them, and tells what share
// of its room that takes; here they are counted as they are (difference 34).
const room = 4096

// limit puts session policies into an identity and gives the share of the room that they and the tags take.
func (s *Service) limit(id *caller.Identity, inline *string, arns []shape.PolicyDescriptorType) (percent int32, err error) {
	size := 0
	for _, t := range id.Tags {
		size += len(t.Key) + len(t.Value)
	}
	if inline != nil {
		doc, err := policy.Parse(*inline)
		if err == nil {
			err = doc.Check(policy.Session)
		}
		if err != nil {
			return 0, malformed.New("%s", policy.Told(policy.Session, err))
		}
		id.SessionPolicies, size = []string{*inline}, size+len(*inline)
	}
	if len(arns) > 10 {
		return 0, validation.New("1 validation error detected: Value at 'policyArns' failed to satisfy constraint: Member must have length less than or equal to 10")
	}
	for _, a := range arns {
		if a.Arn == nil {
			return 0, validation.New("An ARN of a policy is missing.")
		}
		m := s.Directory.Managed(*a.Arn)
		if m == nil || m.Owner != "" && m.Owner != id.Account {
			return 0, invalidValue.New("The policy %s does not exist or is not attachable.", *a.Arn)
		}
		id.SessionARNs, size = append(id.SessionARNs, *a.Arn), size+len(*a.Arn)
	}
	percent = int32((size*100 + room - 1) / room)
	if percent > 100 {
		return 0, tooLarge.New("Packed policy consumes %d%% of allotted space, please use smaller policy.", percent)
	}
	return percent, nil
}
