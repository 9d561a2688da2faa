package runc

import (
	"testing"
	"time"

	"cloister/internal/machine/executor"
)

// TestUsageIsCounted looks at what a container has used: something while it runs, and nothing is known of it
// afterwards.
func TestUsageIsCounted(t *testing.T) {
	e := open(t)
	if e.config.Rootless {
		t.Skip("a user namespace has no cgroups to give")
	}
	if u, ok := e.Usage("used"); ok {
		t.Errorf("a container that there is not has used %+v", u)
	}
	if err := e.Start(t.Context(), executor.Spec{ID: "used", Root: image, Args: []string{"/guest", "polite"}}); err != nil {
		t.Fatal(err)
	}
	var u executor.Usage
	ok := false
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end) && (u.CPU == 0 || u.Memory == 0); time.Sleep(5 * time.Millisecond) {
		u, ok = e.Usage("used")
	}
	if !ok || u.CPU <= 0 || u.CPU > time.Minute || u.Memory <= 0 || u.Memory > 1<<30 {
		t.Errorf("it has used %+v", u)
	}
	if err := e.Remove(t.Context(), "used"); err != nil {
		t.Fatal(err)
	}
	if u, ok := e.Usage("used"); ok {
		t.Errorf("a container that is gone has used %+v", u)
	}
}
