package policy

// Names in the policy language (actions, condition keys, operators) ignore case, and only that of
// ASCII letters: Unicode's folding would make U+212A, the Kelvin sign, a way to spell "k".

const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
)

func foldByte(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// foldHash is a hash that texts differing only in case share.
func foldHash(s string) uint64 {
	h := uint64(fnvOffset)
	for i := 0; i < len(s); i++ {
		h = (h ^ uint64(foldByte(s[i]))) * fnvPrime
	}
	return h
}

func foldEqual(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := 0; i < len(a); i++ {
		if a[i] != b[i] && foldByte(a[i]) != foldByte(b[i]) {
			return false
		}
	}
	return true
}

// SameKey tells whether two condition keys, or the keys of two tags, are one. Whoever puts tags into a request,
// onto a resource or into a session must know them as conditions do: else a key that a condition does not
// recognise could become one that it does.
func SameKey(a, b string) bool { return foldEqual(a, b) }

func fold(s string) string {
	for i := 0; i < len(s); i++ {
		if foldByte(s[i]) != s[i] {
			b := []byte(s)
			for ; i < len(b); i++ {
				b[i] = foldByte(b[i])
			}
			return string(b)
		}
	}
	return s
}
