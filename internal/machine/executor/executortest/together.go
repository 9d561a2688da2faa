package executortest

import (
	"fmt"
	"sync"
)

func concurrent(s suite) {
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			id := fmt.Sprintf("concurrent-%d", i)
			if err := s.Executor.Start(s.ctx, s.spec(id, "exit", fmt.Sprint(i))); err != nil {
				s.t.Errorf("start %s: %v", id, err)
				return
			}
			if exit, err := s.Executor.Wait(s.ctx, id); err != nil || exit.Code != i {
				s.t.Errorf("%s ended with %+v, %v", id, exit, err)
			}
			if err := s.Executor.Remove(s.ctx, id); err != nil {
				s.t.Errorf("remove %s: %v", id, err)
			}
		})
	}
	group.Wait()
}

func sameIDAtOnce(s suite) {
	var group sync.WaitGroup
	for range 6 {
		group.Go(func() {
			if err := s.Executor.Start(s.ctx, s.spec("same", "say", "once")); err != nil {
				s.t.Errorf("start: %v", err)
			}
		})
	}
	group.Wait()
	s.prints("same", "once")
	for range 4 {
		group.Go(func() {
			if err := s.Executor.Remove(s.ctx, "same"); err != nil {
				s.t.Errorf("remove: %v", err)
			}
		})
	}
	group.Wait()
}

func reopen(s suite) {
	if s.Reopen == nil {
		s.t.Skip("containers of this executor end with its process")
	}
	s.start("kept", "polite")
	s.start("ended", "exit", "9")
	s.ends("ended", 9)
	s.ready("kept")
	next := s
	next.Executor = s.Reopen(s.t)
	next.start("kept", "exit", "1")
	all, err := next.Executor.List(s.ctx)
	if err != nil || len(all) != 2 {
		s.t.Fatalf("the next process finds %v, %v", all, err)
	}
	next.ends("ended", 9)
	if err := next.Executor.Stop(s.ctx, "kept", patience); err != nil {
		s.t.Fatal(err)
	}
	next.ends("kept", 7)
	next.prints("kept", "ready", "bye")
	s.ends("kept", 7)
}
