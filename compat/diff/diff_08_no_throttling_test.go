package diff

import (
	"sync"
	"testing"
)

// TestDiff08NoThrottling: a burst that IAM would answer with Throttling is answered.
func TestDiff08NoThrottling(t *testing.T) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				if a := root.query(t, "iam", "ListUsers"); a.status != 200 {
					t.Errorf("%d %s", a.status, a.body)
				}
			}
		})
	}
	wg.Wait()
}
