package main

import (
	"crypto/tls"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"

	"cloister/internal/engine/reach"
)

var seed = flag.Uint64("seed", 0, "of the one estate to build; 0: some by chance")

// TestAPIMatrix makes customers' networks by chance through the API of a whole Cloister, changes them, and
// tries real calls from every host in them: signed, over TLS, by name. What a call must come to is said
// without the house: the name and the way by engine/reach over a network.Network that is made here beside
// the records, the decision by policies that are written here as predicates too.
func TestAPIMatrix(t *testing.T) {
	const side, estates, changes = 3, 20, 3
	seen := counts{of: map[string]int{}}
	seeds := make(chan uint64, estates)
	for range estates {
		seeds <- rand.Uint64()
	}
	if *seed != 0 {
		seeds = make(chan uint64, 1)
		seeds <- *seed
	}
	close(seeds)
	var done sync.WaitGroup
	for range side {
		done.Go(func() {
			for s := range seeds {
				t.Run(fmt.Sprint("seed ", s), func(t *testing.T) {
					e := newEstate(t, s)
					e.build()
					for k := range 1 + changes {
						if k > 0 {
							e.change()
						}
						e.matrix(&seen)
						if t.Failed() {
							text, _ := json.MarshalIndent(e.network(), "", " ")
							t.Fatalf("go test ./cmd/cloister -run TestAPIMatrix -seed %d\n%s\n%s", s, strings.Join(e.said, "\n"), text)
						}
					}
				})
			}
		})
	}
	done.Wait()
	t.Logf("%d calls: %v", seen.calls, seen.of)
	for _, what := range []string{"no name", "no answer", "allowed", "denied by an endpoint's policy", "denied to the caller", "denied by both",
		"at an interface endpoint", "at a gateway endpoint", "at an endpoint, over the peering", "at a door, from outside", "at a door, from an elastic address",
		"at a door, through NAT", "by a zone's name", "by an endpoint's own name"} {
		if *seed == 0 && !t.Failed() && !t.Skipped() && seen.calls > 0 && seen.of[what] == 0 {
			t.Errorf("no call was %q: the matrix proves too little", what)
		}
	}
}

// counts are what was met.
type counts struct {
	sync.Mutex
	calls int
	of    map[string]int
}

func newEstate(t *testing.T, seed uint64) *estate {
	h := newRunning(t)
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: h.authority.Pool(), ServerName: "localhost"}}
	t.Cleanup(tr.CloseIdleConnections)
	return &estate{Rand: rand.New(rand.NewPCG(seed, 0)), running: h, t: t, http: &http.Client{Transport: tr},
		dns: map[string]*[2]bool{}, acls: map[string][]string{}, elastics: map[string][2]string{}, nats: map[string]string{}}
}

// matrix tries every call that there is.
func (e *estate) matrix(seen *counts) {
	x, err := reach.NewIndex(e.network())
	if err != nil {
		e.t.Fatal(err)
	}
	var done, hosts sync.WaitGroup
	room := make(chan struct{}, 64)
	for from, list := range e.attempts() {
		hosts.Go(func() {
			var names []string
			for _, a := range list {
				names = append(names, a.name)
			}
			found, err := e.lookups(x, from, names)
			if err != nil {
				e.t.Errorf("names for %s: %v", from, err)
				return
			}
			for _, a := range list {
				room <- struct{}{}
				done.Go(func() {
					defer func() { <-room }()
					met, err := e.try(x, a, found[a.name])
					if err != nil {
						e.t.Errorf("%s from %s by %s: %v", a.service.action, from, a.name, err)
					}
					seen.add(met)
				})
			}
		})
	}
	hosts.Wait()
	done.Wait()
}

func (c *counts) add(met []string) {
	c.Lock()
	defer c.Unlock()
	calls := 0
	for _, m := range met {
		c.of[m]++
		if strings.HasPrefix(m, "allowed") || strings.HasPrefix(m, "denied") {
			calls++
		}
	}
	c.calls += max(1, calls)
}
