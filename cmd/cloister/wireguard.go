package main

import (
	"bufio"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"cloister/internal/machine/tunnel"
)

// wireguard is the customer's side of a tunnel. It is written and read in the form that wg-quick and other
// WireGuard programs have, so that each of them can be that side.
type wireguard struct {
	private, gateway, shared tunnel.Key
	address                  netip.Addr // this side's own
	mtu                      int
	endpoint                 netip.AddrPort
	ranges                   []netip.Prefix // the other side's
}

func (w *wireguard) text() string {
	return fmt.Sprintf("[Interface]\nPrivateKey = %s\nAddress = %s/32\nMTU = %d\n\n[Peer]\nPublicKey = %s\nPresharedKey = %s\nEndpoint = %s\nAllowedIPs = %s\nPersistentKeepalive = 25\n",
		writtenKey(w.private), w.address, w.mtu, writtenKey(w.gateway), writtenKey(w.shared), w.endpoint, spelled(w.ranges))
}

func writtenKey(k tunnel.Key) string { return base64.StdEncoding.EncodeToString(k[:]) }

// readKey does not repeat what it cannot read.
func readKey(text string, to *tunnel.Key) error {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(b) != len(to) {
		return errors.New("a key is none")
	}
	copy(to[:], b)
	return nil
}

// openWireguard reads a file; "-" is the standard input.
func openWireguard(path string) (*wireguard, error) {
	if path == "-" {
		return readWireguard(os.Stdin)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	w, err := readWireguard(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return w, nil
}

func readWireguard(r io.Reader) (*wireguard, error) {
	w := &wireguard{}
	s := bufio.NewScanner(r)
	for s.Scan() {
		line, _, _ := strings.Cut(s.Text(), "#")
		name, value, ok := strings.Cut(line, "=")
		if !ok {
			continue
		}
		if err := w.set(strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)); err != nil {
			return nil, fmt.Errorf("%s: %w", strings.TrimSpace(name), err)
		}
	}
	if err := s.Err(); err != nil {
		return nil, err
	}
	if w.private == (tunnel.Key{}) || w.gateway == (tunnel.Key{}) || !w.endpoint.IsValid() || !w.address.IsValid() || len(w.ranges) == 0 {
		return nil, errors.New("one of PrivateKey, Address, PublicKey, Endpoint and AllowedIPs is missing")
	}
	return w, nil
}

func (w *wireguard) set(name, value string) (err error) {
	switch name {
	case "privatekey":
		return readKey(value, &w.private)
	case "publickey":
		return readKey(value, &w.gateway)
	case "presharedkey":
		return readKey(value, &w.shared)
	case "mtu":
		w.mtu, err = strconv.Atoi(value)
	case "endpoint":
		w.endpoint, err = netip.ParseAddrPort(value)
	case "address":
		var p netip.Prefix
		if p, err = netip.ParsePrefix(value); err == nil {
			w.address = p.Addr()
		}
	case "allowedips":
		for _, text := range strings.Split(value, ",") {
			p, err := netip.ParsePrefix(strings.TrimSpace(text))
			if err != nil {
				return err
			}
			w.ranges = append(w.ranges, p)
		}
	}
	return err
}
