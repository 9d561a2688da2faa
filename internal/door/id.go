package door

import (
	"encoding/binary"
	"math/rand/v2"

	"github.com/google/uuid"
)

// newID is a request id. Ids must not meet; that nobody can guess them is not needed, since only the
// account that made a call may ask about it. So the fast generator will do.
func newID() string {
	var u uuid.UUID
	binary.LittleEndian.PutUint64(u[:8], rand.Uint64())
	binary.LittleEndian.PutUint64(u[8:], rand.Uint64())
	u[6] = u[6]&0x0f | 0x40 // version 4
	u[8] = u[8]&0x3f | 0x80 // variant of RFC 9562
	return u.String()
}
