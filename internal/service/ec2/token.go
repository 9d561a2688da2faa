package ec2

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"cloister/internal/machine/store"
)

// remembered is a client token that was used: what for, and what came of it.
type remembered struct {
	Input string // a hash of the whole request
	ID    string
	Used  time.Time
}

var tokens = store.NewTable[remembered]("ec2.token")

// tokenLife is how long a token is good; AWS says at least a day.
const tokenLife = 48 * time.Hour

// recall gives the id that an earlier request with this token made, or empty. The same token with
// other parameters is a fault.
func recall(tx *store.Tx, account, operation string, token *string, in any) (string, error) {
	if str(token) == "" {
		return "", nil
	}
	t, err := tokens.Get(tx, store.Key(account, operation, *token))
	if err != nil || t == nil || tx.Now.Sub(t.Used) > tokenLife {
		return "", err
	}
	if t.Input != digest(in) {
		return "", tokenMismatch.New("Arguments on this idempotent request are inconsistent with arguments used in previous request(s).")
	}
	return t.ID, nil
}

// goneSince is the answer to a token whose resource was deleted meanwhile.
func goneSince() error {
	return tokenMismatch.New("The client token you have provided is associated with a resource that is already deleted")
}

func remember(tx *store.Tx, account, operation string, token *string, in any, id string) error {
	if str(token) == "" {
		return nil
	}
	return tokens.Put(tx, store.Key(account, operation, *token), &remembered{Input: digest(in), ID: id, Used: tx.Now})
}

func digest(in any) string {
	b, err := json.Marshal(in)
	if err != nil {
		return fmt.Sprintf("%#v", in) // inputs are plain data; this does not happen
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// forgetTokens removes those too old to matter.
func (s *Service) forgetTokens(ctx context.Context) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		all, err := tokens.From(tx, "", "", -1)
		if err != nil {
			return err
		}
		for _, e := range all {
			if tx.Now.Sub(e.Value.Used) > tokenLife {
				if err := tokens.Delete(tx, e.Key); err != nil {
					return err
				}
			}
		}
		return nil
	})
}
