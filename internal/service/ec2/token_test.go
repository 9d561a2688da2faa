package ec2

import (
	"path/filepath"
	"testing"
	"time"

	"cloister/internal/machine/store"
	shape "cloister/internal/value/shape/ec2"
)

func TestTokensAreForgottenInTime(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "db"), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s := New(Config{DB: db, Region: region})
	in := &shape.CreateRouteTableRequest{VpcId: new("vpc-1"), ClientToken: new("t")}
	recalled := func() (id string) {
		if err := db.View(t.Context(), func(tx *store.Tx) (err error) {
			id, err = recall(tx, account, "CreateRouteTable", in.ClientToken, in)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return id
	}
	if err := db.Update(t.Context(), func(tx *store.Tx) error {
		return remember(tx, account, "CreateRouteTable", in.ClientToken, in, "rtb-1")
	}); err != nil {
		t.Fatal(err)
	}
	count := func() (n int) {
		if err := db.View(t.Context(), func(tx *store.Tx) (err error) { n, err = tokens.Count(tx, ""); return err }); err != nil {
			t.Fatal(err)
		}
		return n
	}
	now = now.Add(25 * time.Hour)
	if err := s.forgetTokens(t.Context()); err != nil || recalled() != "rtb-1" || count() != 1 {
		t.Errorf("after a day: %v, %q, %d kept", err, recalled(), count())
	}
	now = now.Add(24 * time.Hour)
	if recalled() != "" {
		t.Error("after two days the token still counts")
	}
	if err := s.forgetTokens(t.Context()); err != nil || count() != 0 {
		t.Errorf("after two days: %v, %d kept", err, count())
	}
}
