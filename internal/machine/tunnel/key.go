package tunnel

import (
	"crypto/ecdh"
	"crypto/rand"

	"cloister/internal/value/network"
)

// Key is a WireGuard key, of whatever kind. It never prints itself.
type Key = network.Key

// NewKey makes a private key.
func NewKey() Key {
	k := NewShared()
	k[0] &= 248
	k[31] = k[31]&127 | 64
	return k
}

// NewShared makes a key that both sides have.
func NewShared() (k Key) {
	rand.Read(k[:])
	return k
}

// Public is the public key of a private one.
func Public(private Key) (public Key) {
	k, err := ecdh.X25519().NewPrivateKey(private[:])
	if err != nil {
		panic(err) // only for another length
	}
	copy(public[:], k.PublicKey().Bytes())
	return public
}
