package linux

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"net"
	"strings"
)

// Kinds of namespaces, the first letter of a file's name.
const (
	kindVPC       = "vpc"
	kindInterface = "eni"
	kindIsolated  = "iso"
	kindHost      = "host"
	kindInternet  = "internet"
)

// simple says whether an id may be part of a file's name: letters and digits, and after the first
// also "_", "." and "-", at most 100.
func simple(id string) bool {
	for i := range len(id) {
		c := id[i]
		word := c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z'
		if !word && (i == 0 || c != '_' && c != '.' && c != '-') {
			return false
		}
	}
	return len(id) > 0 && len(id) <= 100
}

// fileName is the name of a namespace's file: cl.<kind>.<id>, with the hash of an id that would not
// do in a file name.
func fileName(kind, id string) string {
	if !simple(id) {
		id = "~" + hash(id, 24)
	}
	return "cl." + kind + "." + id
}

// kindOf is the reverse of fileName; empty for a file that is not ours.
func kindOf(file string) string {
	rest, ours := strings.CutPrefix(file, "cl.")
	kind, _, two := strings.Cut(rest, ".")
	if !ours || !two {
		return ""
	}
	return kind
}

// hash is a short name for anything: lower case letters and digits.
func hash(of string, length int) string {
	sum := sha256.Sum256([]byte(of))
	return strings.ToLower(base32.HexEncoding.EncodeToString(sum[:]))[:length]
}

// linkPrefix is what the names of all veths made for one specification begin with; linkName adds
// chance, as the name of a link that is being deleted cannot be had again for some time. Together
// they have 15 letters, the most that a link may have.
func linkPrefix(spec string) string { return "cl" + hash(spec, 9) }

func linkName(spec string) string {
	var chance [2]byte
	rand.Read(chance[:])
	return linkPrefix(spec) + hex.EncodeToString(chance[:])
}

// chainName is the name of a group's chain or set; ids that nft could not print are hashed.
func chainName(prefix, id string) string {
	if !simple(id) || strings.Contains(id, ".") || len(id) > 60 {
		id = "x" + hash(id, 24)
	}
	return prefix + id
}

// hardwareAddress gives an interface's MAC, or one made from its id when it has none.
func hardwareAddress(mac, id string) (net.HardwareAddr, error) {
	if mac == "" {
		sum := sha256.Sum256([]byte(id))
		return append(net.HardwareAddr{0x0a}, sum[:5]...), nil
	}
	a, err := net.ParseMAC(mac)
	if err != nil || len(a) != 6 || a[0]&1 != 0 {
		return nil, fmt.Errorf("interface %s: %q is no MAC address of a host", id, mac)
	}
	return a, nil
}
