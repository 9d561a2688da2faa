package elasticloadbalancing

import (
	"crypto/rand"
	"encoding/hex"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"cloister/internal/frame/api"
	"cloister/internal/machine/store"
	"cloister/internal/value/arn"
	shape "cloister/internal/value/shape/elasticloadbalancing"
)

// The states of a balancer.
const (
	provisioning = "provisioning"
	active       = "active"
	deleting     = "deleting" // never shown: it is gone for the customer
)

type balancer struct {
	ARN, Account, Name, VPC string
	DNS, State              string
	Zones                   []zone
	Created                 time.Time
	Protected               bool // deletion_protection.enabled
	CrossZone               bool // load_balancing.cross_zone.enabled
	Tags                    map[string]string
}

// zone is a subnet of a balancer, with its interface once it has one.
type zone struct {
	Subnet, Zone, Interface string
	Address                 netip.Addr
	Wanted                  string // the address asked for
	Token                   string // by which making the interface is repeated
}

type targetGroup struct {
	ARN, Account, Name, VPC string
	Port                    int
	Targets                 []target
	Health                  health
	Attributes              map[string]string
	Tags                    map[string]string
}

type target struct {
	Address netip.Addr
	Port    int
}

func (t target) at() netip.AddrPort { return netip.AddrPortFrom(t.Address, uint16(t.Port)) }

// health is what the checks of a target group are said to be. A target is tried at each connection, so
// times and counts change nothing.
type health struct {
	Port                                  string
	Interval, Timeout, Healthy, Unhealthy int32
}

type listener struct {
	ARN, Account, Balancer, Group string
	Port                          int
	Tags                          map[string]string
}

var (
	balancers    = store.NewTable[balancer]("elasticloadbalancing.balancer")
	targetGroups = store.NewTable[targetGroup]("elasticloadbalancing.target-group")
	listeners    = store.NewTable[listener]("elasticloadbalancing.listener")
)

func newID() string {
	var b [8]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

func (s *Service) arn(account, resource string) string {
	return arn.Format("elasticloadbalancing", s.Region, account, resource)
}

// hash is the last part of an ARN.
func hash(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

var nameForm = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?$`)

func nameable(what, name string) error {
	if !nameForm.MatchString(name) || strings.HasPrefix(name, "internal-") {
		return validation.New("%s name '%s' must have 1 to 32 letters, digits and hyphens, must not begin or end with a hyphen and must not begin with 'internal-'", what, name)
	}
	return nil
}

func balancerOf(tx *store.Tx, account, arn string) (*balancer, error) {
	b, err := balancers.Get(tx, store.Key(account, arn))
	if err == nil && (b == nil || b.State == deleting) {
		err = balancerNotFound.New("One or more load balancers not found")
	}
	return b, err
}

func groupOf(tx *store.Tx, account, arn string) (*targetGroup, error) {
	g, err := targetGroups.Get(tx, store.Key(account, arn))
	if err == nil && g == nil {
		err = groupNotFound.New("One or more target groups not found")
	}
	return g, err
}

func listenerOf(tx *store.Tx, account, arn string) (*listener, error) {
	l, err := listeners.Get(tx, store.Key(account, arn))
	if err == nil && l == nil {
		err = listenerNotFound.New("One or more listeners not found")
	}
	return l, err
}

// on is the check of an operation on one resource, named by its ARN; creation names none.
func on(c *api.Call, action, arn string, tags ...shape.Tag) []api.Check {
	if arn == "" {
		arn = c.ARN("elasticloadbalancing", "*")
	}
	k := api.Check{Action: "elasticloadbalancing:" + action, Resource: arn}
	var names []string
	for _, t := range tags {
		names = append(names, text(t.Key))
		k.Keys = append(k.Keys, api.K("aws:RequestTag/"+text(t.Key), text(t.Value)))
	}
	if len(names) > 0 {
		k.Keys = append(k.Keys, api.Ks("aws:TagKeys", names...))
	}
	return []api.Check{k}
}

// reads is the check of an operation that only reads.
func reads[In any](action string) func(*api.Call, *In) []api.Check {
	return func(*api.Call, *In) []api.Check {
		return []api.Check{{Action: "elasticloadbalancing:" + action, Resource: "*"}}
	}
}

// page gives a page of a list that is in order, and the marker of the next.
func page[T any](all []T, key func(T) string, marker *string, size *int32) ([]T, *string, error) {
	slices.SortFunc(all, func(a, b T) int { return strings.Compare(key(a), key(b)) })
	if m := text(marker); m != "" {
		at := slices.IndexFunc(all, func(v T) bool { return key(v) == m })
		if at < 0 {
			return nil, nil, validation.New("The marker is not valid")
		}
		all = all[at+1:]
	}
	limit := 400
	if size != nil {
		limit = int(*size)
	}
	if len(all) <= limit {
		return all, nil, nil
	}
	return all[:limit], new(key(all[limit-1])), nil
}
