package ec2

import (
	"context"
	"strings"

	"cloister/internal/machine/store"
)

// bearer is a kind of resource that can be tagged on its own: how to change the tags of one of its
// records, and how to list them.
type bearer struct {
	name, prefix string
	retag        func(tx *store.Tx, account, id string, f retagging) error
	list         func(tx *store.Tx, account string, each func(id string, tags map[string]string)) error
	watch        func(ctx context.Context, db *store.DB, t tagTeller) error
}

// retagging makes new tags of old ones.
type retagging func(old map[string]string) (map[string]string, error)

func bears[T any, P interface {
	*T
	common() *head
}](k kind[T, P]) bearer {
	return bearer{
		name: k.name, prefix: k.prefix, watch: watchKind(k),
		retag: func(tx *store.Tx, account, id string, f retagging) error {
			v, err := k.get(tx, account, id)
			if err != nil {
				return err
			}
			if v.common().Tags, err = f(v.common().Tags); err != nil {
				return err
			}
			return k.put(tx, v)
		},
		list: func(tx *store.Tx, account string, each func(string, map[string]string)) error {
			all, err := k.all(tx, account)
			for _, v := range all {
				each(v.common().ID, v.common().Tags)
			}
			return err
		},
	}
}

var bearers = []bearer{
	bears(vpcs), bears(subnets), bears(routeTables), bears(groups), bears(endpoints), bears(enis), bears(flowLogs),
	bears(internetGateways), bears(elastics), bears(natGateways),
	{name: "security-group-rule", prefix: "sgr-", retag: retagRule, list: listRules},
	{name: "vpc-peering-connection", prefix: "pcx-", retag: retagPeering, list: listPeerings},
	bears(acls), bears(dhcps), bears(managedLists), bears(endpointServices),
	bears(vpnGateways), bears(customerGateways), bears(vpnConnections),
}

// bearerOf gives the kind of resource an id is of.
func bearerOf(id string) (bearer, error) {
	for _, b := range bearers {
		if strings.HasPrefix(id, b.prefix) {
			return b, nil
		}
	}
	return bearer{}, invalidID.New("The ID '%s' is not valid", id)
}

func retagRule(tx *store.Tx, account, id string, f retagging) error {
	found, err := rulesOf(tx, account, []string{id})
	if err != nil {
		return err
	}
	if found[0].Tags, err = f(found[0].Tags); err != nil {
		return err
	}
	return groups.put(tx, found[0].group)
}

func listRules(tx *store.Tx, account string, each func(string, map[string]string)) error {
	all, err := rulesOf(tx, account, nil)
	for _, r := range all {
		each(r.ID, r.Tags)
	}
	return err
}
