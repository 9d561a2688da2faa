package directory

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"cloister/internal/engine/policy"
	"cloister/internal/value/caller"
)

// Credentials are what a signature is made with.
type Credentials struct {
	AccessKey, Secret, Token string
	Expires                  time.Time
}

// String keeps secrets out of logs.
func (c Credentials) String() string { return c.AccessKey + ":***" }

// ErrUnknownKey, ErrBadToken and ErrExpired are why there is no secret for a key.
var (
	ErrUnknownKey = errors.New("unknown access key")
	ErrBadToken   = errors.New("bad session token")
	ErrExpired    = errors.New("session token expired")
)

// session is what a token seals: the token is the record, so minting one writes nothing and a
// restart forgets nothing.
type session struct {
	Identity caller.Identity
	// RoleID is the unique id of the role, or the user, whose session it is: it must still be the very one.
	RoleID  string
	Secret  string
	Expires time.Time
}

func seal(key [32]byte) cipher.AEAD {
	b, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // 32 bytes are a key
	}
	a, err := cipher.NewGCM(b)
	if err != nil {
		panic(err) // AES has 16-byte blocks
	}
	return a
}

// Mint makes temporary credentials: of a role's session, a user's, a federated user's or the root's. issuerID
// is the unique id of the role or user, empty for the root and who is federated by the root. id's AccessKey, Session and Issued are filled in.
func (d *Directory) Mint(id caller.Identity, issuerID string, expires time.Time) (Credentials, error) {
	id.AccessKey, id.Session, id.Issued = temporaryKey(id.Account), true, d.clock().UTC().Truncate(time.Second)
	s := session{Identity: id, RoleID: issuerID, Secret: secret(), Expires: expires.UTC()}
	text, err := json.Marshal(s)
	if err != nil {
		return Credentials{}, fmt.Errorf("mint session: %w", err)
	}
	nonce := make([]byte, d.sessions.NonceSize())
	rand.Read(nonce)
	token := base64.StdEncoding.EncodeToString(d.sessions.Seal(nonce, nonce, text, nil))
	return Credentials{AccessKey: id.AccessKey, Secret: s.Secret, Token: token, Expires: s.Expires}, nil
}

// Managed gives the version of a managed policy that is in force, or nil.
func (d *Directory) Managed(arn string) *policy.Attached {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.managed[arn]
}

// AccountOf tells whose an access key is: a long-term key that is known, or a temporary one, by its id alone.
func (d *Directory) AccountOf(id string) (string, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if k, ok := d.keys[id]; ok {
		return k.Account, true
	}
	text, ok := strings.CutPrefix(id, "ASIA")
	b, err := base32.StdEncoding.DecodeString(text)
	if !ok || err != nil || len(b) != 10 {
		return "", false
	}
	var v uint64
	for _, c := range b[:6] {
		v = v<<8 | uint64(c)
	}
	account := fmt.Sprintf("%012d", v>>7&(1<<40-1))
	for _, k := range d.keys {
		if k.Account == account {
			return account, true
		}
	}
	return "", false
}

// temporaryKey makes the id of a temporary key. As with AWS's, the account is in it: 40 bits after the first, of
// the 80 that follow the prefix.
func temporaryKey(account string) string {
	b := make([]byte, 10)
	rand.Read(b)
	if n, err := strconv.ParseUint(account, 10, 40); err == nil {
		low := uint64(b[5] & 0x7f)
		v := 1<<47 | n<<7 | low
		for i := range 6 {
			b[i] = byte(v >> (40 - 8*i))
		}
	}
	return "ASIA" + base32.StdEncoding.EncodeToString(b)
}

// Secret gives the secret and the identity of an access key; token is empty for long-term keys.
func (d *Directory) Secret(accessKey, token string) (string, caller.Identity, error) {
	if token != "" {
		return d.session(accessKey, token)
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	k, ok := d.keys[accessKey]
	if !ok || !k.Active {
		return "", caller.Identity{}, ErrUnknownKey
	}
	id := caller.Identity{Account: k.Account, AccessKey: k.ID}
	if k.Owner == "" {
		id.Kind, id.ID = caller.Root, k.Account
		id.ARN = "arn:aws:iam::" + k.Account + ":root"
		id.PrincipalARN = id.ARN
		return k.Secret, id, nil
	}
	p := d.principal[k.Owner]
	if p == nil {
		return "", caller.Identity{}, ErrUnknownKey
	}
	id.Kind, id.ARN, id.PrincipalARN, id.ID, id.Name = caller.User, p.ARN, p.ARN, p.ID, p.Name
	return k.Secret, id, nil
}

// session asks each time what may have changed since: the time, and the role or user.
func (d *Directory) session(accessKey, token string) (string, caller.Identity, error) {
	s, err := d.opened.get(token, d.open)
	if err != nil || s.Identity.AccessKey != accessKey {
		return "", caller.Identity{}, ErrBadToken
	}
	if !d.clock().Before(s.Expires) {
		return "", caller.Identity{}, ErrExpired
	}
	if s.RoleID == "" { // made by the root, who is always there
		return s.Secret, s.Identity, nil
	}
	if p := d.Principal(issuer(&s.Identity)); p == nil || p.ID != s.RoleID {
		return "", caller.Identity{}, ErrBadToken
	}
	return s.Secret, s.Identity, nil
}

// open reads what a token seals.
func (d *Directory) open(token string) (*session, error) {
	raw, err := base64.StdEncoding.DecodeString(token)
	n := d.sessions.NonceSize()
	if err != nil || len(raw) < n {
		return nil, ErrBadToken
	}
	text, err := d.sessions.Open(nil, raw[:n], raw[n:], nil)
	if err != nil {
		return nil, ErrBadToken
	}
	s := new(session)
	if err := json.Unmarshal(text, s); err != nil {
		return nil, ErrBadToken
	}
	return s, nil
}

// NewKey makes the two halves of a long-term access key.
func NewKey() (id, secretKey string) { return "AKIA" + random(16), secret() }

// NewID makes a unique id as IAM's: AIDA, AROA, ANPA… and 17 characters.
func NewID(prefix string) string { return prefix + random(17) }

// Seal makes a text unreadable but for Open with the same purpose; it survives a restart. What it gives does not
// begin with a dash, which a command line would take for an option.
func (d *Directory) Seal(purpose string, text []byte) string {
	nonce := make([]byte, d.sessions.NonceSize())
	rand.Read(nonce)
	nonce[0] &= 0x7f
	return base64.RawURLEncoding.EncodeToString(d.sessions.Seal(nonce, nonce, text, []byte(purpose)))
}

// Open reads what Seal sealed.
func (d *Directory) Open(purpose, sealed string) ([]byte, error) {
	raw, err := base64.RawURLEncoding.DecodeString(sealed)
	n := d.sessions.NonceSize()
	if err != nil || len(raw) < n {
		return nil, ErrBadToken
	}
	text, err := d.sessions.Open(nil, raw[:n], raw[n:], []byte(purpose))
	if err != nil {
		return nil, ErrBadToken
	}
	return text, nil
}

func random(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return base32.StdEncoding.EncodeToString(b)[:n]
}

func secret() string {
	b := make([]byte, 30)
	rand.Read(b)
	return base64.StdEncoding.EncodeToString(b)
}
