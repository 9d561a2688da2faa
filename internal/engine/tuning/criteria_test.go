package tuning

import "testing"

func completed(values ...float64) []Trial {
	trials := make([]Trial, len(values))
	for i, v := range values {
		trials[i] = Trial{Index: i, State: Completed, Values: []float64{v}, Ended: int64(i)}
	}
	return trials
}

func TestTheTarget(t *testing.T) {
	c, target := config(Random), 2.0
	c.Criteria.Target = &target
	if got := search(t, c).Complete(completed(5, 2.1)); got != GoesOn {
		t.Errorf("not reached: %q", got)
	}
	if got := search(t, c).Complete(completed(5, 2, 7)); got != TargetReached {
		t.Errorf("reached: %q", got)
	}
	c.Maximize = true
	if got := search(t, c).Complete(completed(1, 1.9)); got != GoesOn {
		t.Errorf("maximise, not reached: %q", got)
	}
	if got := search(t, c).Complete(completed(1, 2.5)); got != TargetReached {
		t.Errorf("maximise, reached: %q", got)
	}
	failed := completed(3)
	failed[0].State = Failed
	if got := search(t, c).Complete(failed); got != GoesOn {
		t.Errorf("a failed trial reached it: %q", got)
	}
}

func TestTrialsThatDoNotImprove(t *testing.T) {
	c := config(Random)
	c.Criteria.NotImproving = 3
	s := search(t, c)
	for _, test := range []struct {
		trials []Trial
		idle   int
		want   Reason
	}{
		{completed(10, 9, 8, 7), 0, GoesOn},
		{completed(10, 11, 12), 2, GoesOn},
		{completed(10, 11, 9.95, 12), 3, NoImprovement}, // less than 1 % better is no improvement
		{completed(10, 11, 12, 9), 0, GoesOn},
		{completed(-10, -10.05, -9, -9), 3, NoImprovement},
	} {
		if got := s.NotImproving(test.trials); got != test.idle || s.Complete(test.trials) != test.want {
			t.Errorf("%v: %d idle, %q; want %d, %q", test.trials, got, s.Complete(test.trials), test.idle, test.want)
		}
	}
	late := completed(10, 11, 12, 5)
	late[3].Ended = -1 // the best was over first
	if got := s.NotImproving(late); got != 3 {
		t.Errorf("the order of the ends: %d idle, want 3", got)
	}
}

func TestConvergence(t *testing.T) {
	c := config(Bayesian)
	c.MaxTrials, c.Criteria.Convergence = 100, true
	s := search(t, c)
	values := []float64{9, 8, 5, 4, 3, 2, 1}
	for n := 1; ; n++ {
		values = append(values, 1+float64(n%3))
		reason := s.Complete(completed(values...))
		if reason == ConvergenceSeen {
			if n < convergedAfter || n > 2*convergedAfter {
				t.Errorf("converged after %d trials without improvement", n)
			}
			break
		}
		if n > 50 {
			t.Fatal("never converged")
		}
	}
	if got := s.Complete(completed(append(values, 0.1)...)); got != GoesOn {
		t.Errorf("after an improvement: %q", got)
	}
}
