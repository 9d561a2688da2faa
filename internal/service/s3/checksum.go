package s3

import (
	"encoding/base64"
	"hash"
	"strings"

	"cloister/internal/engine/sigv4"
)

// The two ways in which a checksum covers an object uploaded in parts.
const (
	composite  = "COMPOSITE"
	fullObject = "FULL_OBJECT"
)

// implied is the checksum S3 keeps when the customer asks for none.
const implied = "CRC64NVME"

const unsupportedSum = "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]"

// sums are the checksum members that many shapes share: where they stand in this one.
type sums struct{ crc32, crc32c, crc64, sha1, sha256 **string }

// each gives the members by algorithm.
func (m sums) each(f func(algorithm string, at **string)) {
	f("CRC32", m.crc32)
	f("CRC32C", m.crc32c)
	f("CRC64NVME", m.crc64)
	f("SHA1", m.sha1)
	f("SHA256", m.sha256)
}

// set writes a checksum into the member that is its.
func (m sums) set(x sum) {
	m.each(func(a string, at **string) {
		if at != nil && a == x.Algorithm {
			*at = &x.Value
		}
	})
}

// asked reads the one checksum that a request declares, and the algorithm that it names. others are the
// declared checksums of algorithms that we do not have.
func asked(m sums, algorithm *string, others ...*string) (sum, error) {
	var x sum
	n := 0
	m.each(func(a string, at **string) {
		if *at != nil {
			x.Algorithm, x.Value = a, **at
			n++
		}
	})
	for _, o := range others {
		if o != nil {
			return sum{}, invalidRequest.New(unsupportedSum)
		}
	}
	if n > 1 {
		return sum{}, invalidRequest.New("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
	}
	if n == 0 && algorithm != nil {
		x.Algorithm = strings.ToUpper(*algorithm)
	}
	if x.Algorithm == "" {
		return x, nil
	}
	h, ok := sigv4.NewChecksum(x.Algorithm)
	if !ok {
		return sum{}, invalidRequest.New(unsupportedSum)
	}
	if n == 1 {
		if raw, err := base64.StdEncoding.DecodeString(x.Value); err != nil || len(raw) != h.Size() {
			return sum{}, invalidRequest.New("Value for x-amz-checksum-%s header is invalid.", strings.ToLower(x.Algorithm))
		}
	}
	return x, nil
}

// badSum is the answer to a declared checksum that is not the computed one.
func badSum(algorithm string) error {
	return badDigest.New("The %s you specified did not match the calculated checksum.", algorithm)
}

func encodeSum(h hash.Hash) string { return base64.StdEncoding.EncodeToString(h.Sum(nil)) }

// polynomials of the checksums that can be put together from those of parts: bits reversed, and width.
var polynomials = map[string]struct {
	reversed uint64
	width    int
}{
	"CRC32": {0xedb88320, 32}, "CRC32C": {0x82f63b78, 32}, "CRC64NVME": {0x9a6c9329ac4bc9b5, 64},
}

// join gives the CRC of a and b together, from theirs and b's length: a's register is taken through as
// many zero bytes as b has, by squaring the matrix that takes it through one bit.
func join(algorithm string, a, b uint64, length int64) uint64 {
	p := polynomials[algorithm]
	m := make([]uint64, p.width)
	m[0] = p.reversed
	for i := 1; i < p.width; i++ {
		m[i] = 1 << (i - 1)
	}
	for bits := uint64(length) * 8; bits > 0; bits >>= 1 {
		if bits&1 == 1 {
			a = times(m, a)
		}
		m = square(m)
	}
	return a ^ b
}

func times(m []uint64, v uint64) (out uint64) {
	for i := 0; v != 0; i, v = i+1, v>>1 {
		if v&1 == 1 {
			out ^= m[i]
		}
	}
	return out
}

func square(m []uint64) []uint64 {
	out := make([]uint64, len(m))
	for i := range m {
		out[i] = times(m, m[i])
	}
	return out
}

func number(raw []byte) (n uint64) {
	for _, b := range raw {
		n = n<<8 | uint64(b)
	}
	return n
}

// together is the checksum of an object made of parts.
func together(algorithm, kind string, parts []piece) (sum, error) {
	x := sum{Algorithm: algorithm, Type: kind}
	h, _ := sigv4.NewChecksum(algorithm)
	var crc uint64
	for i, p := range parts {
		raw, err := base64.StdEncoding.DecodeString(p.Sum.Value)
		if err != nil {
			return x, err
		}
		if kind == composite {
			h.Write(raw)
		} else if i == 0 {
			crc = number(raw)
		} else {
			crc = join(algorithm, crc, number(raw), p.Size)
		}
	}
	if kind == composite {
		x.Value = encodeSum(h)
		return x, nil
	}
	raw := make([]byte, h.Size())
	for i := range raw {
		raw[len(raw)-1-i] = byte(crc >> (8 * i))
	}
	x.Value = base64.StdEncoding.EncodeToString(raw)
	return x, nil
}
