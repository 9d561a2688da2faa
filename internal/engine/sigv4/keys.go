package sigv4

import (
	"container/list"
	"crypto/hmac"
	"crypto/sha256"
	"hash"
	"sync"
)

// signingKey is the key derived from one secret for one day, region and service. It keeps keyed
// hashes ready, because setting one up costs more than using it.
type signingKey struct{ macs sync.Pool }

func deriveKey(secret, date, region, service string) *signingKey {
	key := sum(append([]byte("AWS4"), secret...), date)
	for _, part := range []string{region, service, terminator} {
		key = sum(key, part)
	}
	k := &signingKey{}
	k.macs.New = func() any { return hmac.New(sha256.New, key) }
	return k
}

func sum(key []byte, text string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}

// sign appends the MAC of text to dst.
func (k *signingKey) sign(dst, text []byte) []byte {
	m := k.macs.Get().(hash.Hash)
	m.Reset()
	m.Write(text)
	dst = m.Sum(dst)
	k.macs.Put(m)
	return dst
}

// keyID names a signing key without holding the secret: a hash of everything it is derived from.
type keyID [sha256.Size]byte

type keyEntry struct {
	id  keyID
	key *signingKey
}

// keys remembers the signing keys used last.
type keys struct {
	mu     sync.Mutex
	limit  int
	byID   map[keyID]*list.Element
	recent *list.List // front is the newest
}

func newKeys(limit int) *keys {
	return &keys{limit: max(limit, 1), byID: map[keyID]*list.Element{}, recent: list.New()}
}

// get takes its scope from the endpoint's side, where a part has no zero byte, so two derivations
// never share an id.
func (k *keys) get(secret, date, region, service string) *signingKey {
	var buffer [256]byte
	text := buffer[:0]
	for _, part := range [...]string{date, region, service, secret} {
		text = append(append(text, part...), 0)
	}
	id := keyID(sha256.Sum256(text))
	k.mu.Lock()
	defer k.mu.Unlock()
	if e, ok := k.byID[id]; ok {
		k.recent.MoveToFront(e)
		return e.Value.(*keyEntry).key
	}
	entry := &keyEntry{id, deriveKey(secret, date, region, service)}
	k.byID[id] = k.recent.PushFront(entry)
	if k.recent.Len() > k.limit {
		delete(k.byID, k.recent.Remove(k.recent.Back()).(*keyEntry).id)
	}
	return entry.key
}
