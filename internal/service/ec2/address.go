package ec2

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"cloister/internal/machine/store"
)

// reserved are ranges that no VPC can have: this network, loopback, link local, multicast and above.
var reserved = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("169.254.0.0/16"),
	netip.MustParsePrefix("224.0.0.0/3"),
}

// parseCIDR reads an IPv4 range and clears the bits beyond its length.
func parseCIDR(name, text string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	if err != nil || !p.Addr().Is4() {
		return p, invalidValue.New("Value (%s) for parameter %s is invalid. This is not a valid CIDR block.", text, name)
	}
	return p.Masked(), nil
}

// sized tells whether a range is from /16 to /28.
func sized(p netip.Prefix) bool { return p.Bits() >= 16 && p.Bits() <= 28 }

// The first four addresses of a subnet and its last are AWS's.
const reservedAddresses = 5

func number(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

func address(n uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], n)
	return netip.AddrFrom4(b)
}

// bounds are the first and last address of a range that an interface may have.
func bounds(p netip.Prefix) (first, last uint32) {
	base := number(p.Addr())
	return base + 4, base + 1<<(32-p.Bits()) - 2
}

// capacity is how many interfaces a subnet can hold.
func capacity(p netip.Prefix) int { return 1<<(32-p.Bits()) - reservedAddresses }

// allocate gives a free address of a subnet: the wanted one, or the lowest for the zero address.
func allocate(tx *store.Tx, n *subnet, want netip.Addr) (netip.Addr, error) {
	list, err := enis.kept(tx, n.Account)
	if err != nil {
		return want, fmt.Errorf("addresses of %s: %w", n.ID, err)
	}
	taken := make(map[netip.Addr]bool, len(list))
	for _, i := range list {
		if i.Subnet == n.ID {
			taken[i.Address] = true
		}
	}
	first, last := bounds(n.CIDR)
	if want.IsValid() {
		switch {
		case !want.Is4() || !n.CIDR.Contains(want):
			return want, invalidValue.New("Address does not fall within the subnet's address range")
		case number(want) < first || number(want) > last:
			return want, invalidValue.New("Address is in subnet's reserved address range")
		case taken[want]:
			return want, addressInUse.New("Address %s is in use.", want)
		}
		return want, nil
	}
	for a := first; a <= last; a++ {
		if !taken[address(a)] {
			return address(a), nil
		}
	}
	return want, addressesUsedUp.New("There are not enough free addresses in subnet '%s' to satisfy the requested number of instances.", n.ID)
}

// parseAddress reads an optional address.
func parseAddress(text string) (netip.Addr, error) {
	if text == "" {
		return netip.Addr{}, nil
	}
	a, err := netip.ParseAddr(text)
	if err != nil || !a.Is4() {
		return a, invalidValue.New("Value (%s) for parameter privateIpAddress is invalid. Invalid IPv4 address.", text)
	}
	return a, nil
}
