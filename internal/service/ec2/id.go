package ec2

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
)

// newID makes an id as AWS's: the prefix and 17 hexadecimal digits, the first always 0.
func newID(prefix string) string {
	b := make([]byte, 8)
	rand.Read(b)
	return prefix + "0" + hex.EncodeToString(b)
}

// newMAC makes a locally administered address.
func newMAC() string {
	b := make([]byte, 5)
	rand.Read(b)
	return fmt.Sprintf("0a:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4])
}

// pick makes n random characters of an alphabet.
func pick(alphabet string, n int) string {
	b := make([]byte, n)
	rand.Read(b)
	for i := range b {
		b[i] = alphabet[int(b[i])%len(alphabet)]
	}
	return string(b)
}

const (
	lowerAlphanumeric = "abcdefghijklmnopqrstuvwxyz0123456789"
	upperAlphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
)
