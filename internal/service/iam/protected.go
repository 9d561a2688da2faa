package iam

import (
	"context"
	"maps"
	"strings"
	"time"

	"cloister/internal/frame/directory"
	"cloister/internal/machine/store"
	"cloister/internal/value/caller"
)

// linkedPath is the path of service-linked roles, before the name of the service.
const linkedPath = "/aws-service-role/"

// linkedName is what the names of service-linked roles begin with.
const linkedName = "AWSServiceRoleFor"

// open refuses to change a role that belongs to a service.
func (e *entity) open() error {
	if !e.Protected {
		return nil
	}
	return unmodifiable.New("Cannot perform the operation on the protected role '%s' - this role is only modifiable by AWS", e.Name)
}

// reserved refuses a role that would look like a service's own.
func reserved(name, path string) error {
	if strings.HasPrefix(path, linkedPath) {
		return invalidInput.New("The path %s is reserved for service-linked roles.", linkedPath)
	}
	if strings.HasPrefix(path, "/aws-reserved/") {
		return invalidInput.New("The path /aws-reserved/ is reserved for roles that AWS makes.")
	}
	if strings.HasPrefix(strings.ToLower(name), strings.ToLower(linkedName)) {
		return invalidInput.New("Role names that begin with %s are reserved for service-linked roles.", linkedName)
	}
	return nil
}

// LinkedRole is a role by which a service keeps house in every account.
type LinkedRole struct{ Service, Name, Policy string }

// Furnish puts the house's service-linked roles of an account on record, and tells the directory. They stay
// the same roles for as long as the account is there; what they may do is what this Cloister says.
func (s *Service) Furnish(ctx context.Context, account string, roles []LinkedRole) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		for _, r := range roles {
			e, err := entities.Get(tx, entityKey(account, role, r.Name))
			if err != nil {
				return err
			}
			inline := map[string]string{strings.TrimPrefix(r.Name, linkedName): r.Policy}
			if e != nil && maps.Equal(e.Inline, inline) {
				continue
			}
			if e == nil {
				e = linked(account, r.Service, r.Name, tx.Now)
				e.ID = "AROA" + r.Name // caller.ForServiceLinkedRole knows it too
			}
			e.House, e.Inline = true, inline
			if err := s.put(tx, e); err != nil {
				return err
			}
		}
		return nil
	})
}

// linked is a service-linked role.
func linked(account, service, name string, now time.Time) *entity {
	return &entity{
		Kind: role, Account: account, Name: name, Path: linkedPath + service + "/", ID: directory.NewID(prefixes[role]),
		ARN: caller.ServiceLinkedRoleARN(service, name, account), Created: now.Truncate(time.Second), Protected: true, MaxSessionSeconds: 3600,
		Trust: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"` + service + `"},"Action":"sts:AssumeRole"}]}`,
	}
}

// linkable are the services whose service-linked roles may be made, with what their names end on. None of
// them is here: such a role is on record only, and has no policy.
var linkable = map[string]string{
	"autoscaling.amazonaws.com": "AutoScaling", "batch.amazonaws.com": "Batch", "cloudtrail.amazonaws.com": "CloudTrail", "config.amazonaws.com": "Config",
	"ecs.amazonaws.com": "ECS", "eks.amazonaws.com": "AmazonEKS", "elasticache.amazonaws.com": "ElastiCache", "elasticbeanstalk.amazonaws.com": "ElasticBeanstalk",
	"kafka.amazonaws.com": "Kafka", "opensearchservice.amazonaws.com": "AmazonOpenSearchService",
	"rds.amazonaws.com": "RDS", "redshift.amazonaws.com": "Redshift", "spot.amazonaws.com": "EC2Spot", "ssm.amazonaws.com": "AmazonSSM",
	// And those that are here: their roles are taken in every account.
	"elasticloadbalancing.amazonaws.com": "ElasticLoadBalancing", "organizations.amazonaws.com": "Organizations", "route53resolver.amazonaws.com": "Route53Resolver", "sagemaker.amazonaws.com": "AmazonSageMaker",
}
