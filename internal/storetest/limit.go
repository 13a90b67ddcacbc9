package storetest

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"latchkey/repository"
)

var rule = repository.LimitRule{Free: 3, Base: time.Second, Max: 8 * time.Second, Forget: time.Minute}

// attempt returns an attempt on some keys at a time after noon.
func attempt(after time.Duration, names ...string) repository.Attempt {
	a := repository.Attempt{Now: ms(0).Add(after)}
	for _, n := range names {
		a.Keys = append(a.Keys, repository.LimitKey{Name: n, Rule: rule})
	}
	return a
}

// ends records the result of an attempt at the time when it began.
func ends(t *testing.T, s repository.Store, a repository.Attempt, end repository.AttemptEnd) {
	t.Helper()
	must(t, s.Limits.EndAttempt(t.Context(), a, end, a.Now))
}

// expectWait begins an attempt and requires a delay.
func expectWait(t *testing.T, s repository.Store, a repository.Attempt, wait time.Duration) repository.Begun {
	t.Helper()
	w, err := s.Limits.BeginAttempt(t.Context(), a)
	must(t, err)
	if w.Wait != wait {
		t.Fatalf("at %s: wait %s, not %s", a.Now.Sub(ms(0)), w.Wait, wait)
	}
	return w
}

var limits = []promise{
	{"TheFirstFailuresAreFreeThenDelaysDouble", func(t *testing.T, s repository.Store) {
		at := time.Duration(0)
		for range 2 {
			expectWait(t, s, attempt(at, "k"), 0)
		}
		for _, delay := range []time.Duration{1, 2, 4, 8, 8, 8} {
			expectWait(t, s, attempt(at, "k"), 0) // the third causes the first delay
			delay *= time.Second
			expectWait(t, s, attempt(at, "k"), delay)
			expectWait(t, s, attempt(at+delay-time.Millisecond, "k"), time.Millisecond)
			at += delay
		}
	}},
	{"WithoutADelayNoEarlierClockWaits", func(t *testing.T, s repository.Store) {
		// The calls of two concurrent logins may arrive in the other order, and the
		// clocks of replicas differ.
		expectWait(t, s, attempt(10*time.Millisecond, "k"), 0)
		expectWait(t, s, attempt(0, "k"), 0)
		undone := attempt(20*time.Millisecond, "k")
		ends(t, s, attempt(10*time.Millisecond, "k"), repository.AttemptUndone)
		expectWait(t, s, undone, 0)
		ends(t, s, undone, repository.AttemptUndone)
		expectWait(t, s, attempt(-time.Millisecond, "k"), 0)
	}},
	{"WhoWaitsCountsNothingAndIsToldOnce", func(t *testing.T, s repository.Store) {
		for range 3 {
			expectWait(t, s, attempt(0, "k"), 0)
		}
		for i := range 10 {
			w := expectWait(t, s, attempt(100*time.Millisecond, "k", "other"), 900*time.Millisecond)
			if w.First != (i == 0) {
				t.Errorf("attempt %d is first: %v", i, w.First)
			}
		}
		expectWait(t, s, attempt(time.Second, "k"), 0)
		if w := expectWait(t, s, attempt(time.Second, "k"), 2*time.Second); !w.First {
			t.Error("nobody is told of the next delay")
		}
		for range 2 {
			expectWait(t, s, attempt(2*time.Second, "other"), 0)
		}
	}},
	{"TheLongestDelayOfAllKeysCounts", func(t *testing.T, s repository.Store) {
		for range 3 {
			expectWait(t, s, attempt(0, "a", "b"), 0)
		}
		expectWait(t, s, attempt(time.Second, "b"), 0)
		expectWait(t, s, attempt(time.Second, "a", "b", "c"), 2*time.Second)
		expectWait(t, s, attempt(time.Second, "a", "c"), 0)
	}},
	{"ASuccessForgetsTheFirstKeyAndNoOther", func(t *testing.T, s repository.Store) {
		for range 2 {
			expectWait(t, s, attempt(0, "mine", "all"), 0)
		}
		expectWait(t, s, attempt(0, "mine", "all"), 0)
		ends(t, s, attempt(0, "mine", "all"), repository.AttemptSucceeded)
		// The failure of the attempt itself and its delay are removed.
		expectWait(t, s, attempt(0, "mine"), 0)
		expectWait(t, s, attempt(0, "mine"), 0)
		expectWait(t, s, attempt(0, "all"), 0)
		expectWait(t, s, attempt(0, "all"), time.Second)
	}},
	{"WhatDidNotFailIsTakenBack", func(t *testing.T, s repository.Store) {
		for range 20 {
			expectWait(t, s, attempt(0, "a", "b"), 0)
			ends(t, s, attempt(0, "a", "b"), repository.AttemptUndone)
		}
		ends(t, s, attempt(0, "unheard"), repository.AttemptUndone)
		ends(t, s, attempt(0, "unheard"), repository.AttemptFailed)
		ends(t, s, attempt(0, "unheard"), repository.AttemptSucceeded)
	}},
	{"OneRepetitionOfAFailureIsFree", func(t *testing.T, s repository.Store) {
		fails := func(after time.Duration, print string, repeat bool) {
			t.Helper()
			a := attempt(after, "k", "wide")
			a.Fingerprint = print
			if w := expectWait(t, s, a, 0); w.Repeat != repeat {
				t.Fatalf("%s at %s repeats: %v", print, after, w.Repeat)
			}
			if !repeat {
				ends(t, s, a, repository.AttemptFailed)
			}
		}
		fails(0, "x", false)
		fails(time.Millisecond, "x", true)
		fails(time.Millisecond, "y", false)
		fails(repository.SameAttempt, "y", true)
		fails(repository.SameAttempt+time.Millisecond, "y", false) // the third counted failure
		late := attempt(repository.SameAttempt+2*time.Millisecond, "k")
		late.Fingerprint = "y"
		if w := expectWait(t, s, late, 0); !w.Repeat {
			t.Error("a repetition waits for the delay that its first brought")
		}
		expectWait(t, s, late, 999*time.Millisecond) // the next one is delayed
	}},
	{"RepetitionsBeyondTheFirstCount", func(t *testing.T, s repository.Store) {
		begun := 0
		for ; begun < 100; begun++ {
			a := attempt(time.Duration(begun)*time.Millisecond, "k")
			a.Fingerprint = "x"
			w, err := s.Limits.BeginAttempt(t.Context(), a)
			must(t, err)
			if w.Wait > 0 {
				break
			}
			if !w.Repeat {
				ends(t, s, a, repository.AttemptFailed)
			}
		}
		if begun != 2*rule.Free {
			t.Errorf("the same wrong password is judged %d times, want %d", begun, 2*rule.Free)
		}
	}},
	{"NoDelayIsLongerThanItsRuleWhateverTheClockDid", func(t *testing.T, s repository.Store) {
		for i := range 3 { // by a clock that is hours ahead; the third causes a delay
			a := attempt(2*time.Hour, "k", "wide")
			a.Fingerprint = fmt.Sprint("x", i)
			expectWait(t, s, a, 0)
			ends(t, s, a, repository.AttemptFailed)
		}
		a := attempt(0, "k", "wide")
		a.Fingerprint = "x2"
		w, err := s.Limits.BeginAttempt(t.Context(), a)
		must(t, err)
		if w.Repeat || w.Wait != rule.Max {
			t.Fatalf("after the clock was set back: %+v, want a wait of %s", w, rule.Max)
		}
		expectWait(t, s, attempt(rule.Max-time.Millisecond, "k", "wide"), time.Millisecond)
		expectWait(t, s, attempt(rule.Max, "k", "wide"), 0)
	}},
	{"WhatIsStillInFlightIsNoRepetition", func(t *testing.T, s repository.Store) {
		for range 3 {
			a := attempt(0, "k")
			a.Fingerprint = "x"
			if w := expectWait(t, s, a, 0); w.Repeat {
				t.Fatal("nothing has failed yet")
			}
		}
		expectWait(t, s, attempt(time.Millisecond, "k"), 999*time.Millisecond)
		// If all of them are the same failure, all except one repetition count.
		for range 3 {
			a := attempt(0, "k")
			a.Fingerprint = "x"
			ends(t, s, a, repository.AttemptFailed)
		}
		expectWait(t, s, attempt(time.Millisecond, "k"), 0)
		expectWait(t, s, attempt(2*time.Millisecond, "k"), 999*time.Millisecond)
	}},
	{"ASuccessDelaysNobody", func(t *testing.T, s repository.Store) {
		for i := range 5 { // more than Free
			expectWait(t, s, attempt(time.Duration(i)*10*time.Second, "wide"), 0)
		}
		at := time.Minute
		for range 50 {
			expectWait(t, s, attempt(at, "mine", "wide"), 0)
			ends(t, s, attempt(at, "mine", "wide"), repository.AttemptSucceeded)
			at += 10 * time.Millisecond
		}
		expectWait(t, s, attempt(at+rule.Forget, "wide"), 0) // the failures decay nevertheless
		expectWait(t, s, attempt(at+rule.Forget, "wide"), 0)
	}},
	{"ForgottenOneByOne", func(t *testing.T, s repository.Store) {
		for range 2 {
			expectWait(t, s, attempt(0, "k"), 0)
		}
		one := rule.Forget / time.Duration(rule.Free)
		for i := range 20 {
			expectWait(t, s, attempt(time.Duration(i)*one, "k"), 0) // two remain each time, plus this one
			expectWait(t, s, attempt(time.Duration(i)*one, "k"), rule.Base)
		}
	}},
	{"ForgottenAfterAWhile", func(t *testing.T, s repository.Store) {
		for i := range 2 {
			for range 2 {
				expectWait(t, s, attempt(time.Duration(i)*rule.Forget, "k"), 0)
			}
		}
		expectWait(t, s, attempt(rule.Forget, "k"), 0)
		expectWait(t, s, attempt(rule.Forget, "k"), rule.Base)
	}},
	{"TheWayBackIsNoLongerThanItHasToBe", func(t *testing.T, s repository.Store) {
		at := time.Duration(0)
		for range 30 {
			w, err := s.Limits.BeginAttempt(t.Context(), attempt(at, "k"))
			must(t, err)
			at += w.Wait
		}
		at += rule.Forget - time.Millisecond
		for range 2 {
			expectWait(t, s, attempt(at, "k"), 0) // fewer than 30 failures are remembered
			at += rule.Max
		}
	}},
	{"ManyAtOnceGetNoMoreThanTheirShare", func(t *testing.T, s repository.Store) {
		passed := make([]bool, 64)
		for _, err := range together(len(passed), func(i int) error {
			w, err := s.Limits.BeginAttempt(t.Context(), attempt(0, "shared", fmt.Sprint("own", i)))
			passed[i] = w.Wait == 0
			return err
		}) {
			must(t, err)
		}
		n := 0
		for _, p := range passed {
			if p {
				n++
			}
		}
		if n != rule.Free {
			t.Errorf("%d of %d passed, %d are free", n, len(passed), rule.Free)
		}
	}},
	{"EveryStoreMeansTheSame", func(t *testing.T, s repository.Store) {
		r := rand.New(rand.NewPCG(1, 2))
		model := map[string]repository.LimitState{}
		names := []string{"a", "b", "c"}
		now := time.Duration(0)
		for step := range 400 {
			now += time.Duration(r.IntN(1500)) * time.Millisecond
			switch r.IntN(40) {
			case 0:
				now += rule.Forget
			case 1:
				now -= time.Duration(r.IntN(100)) * time.Second
			}
			a := attempt(now, names[:1+r.IntN(3)]...)
			if r.IntN(3) == 0 {
				a.Fingerprint = names[r.IntN(2)]
			}
			got, err := s.Limits.BeginAttempt(t.Context(), a)
			must(t, err)
			want := beginOn(model, a)
			if got != want {
				t.Fatalf("step %d: %+v, not %+v", step, got, want)
			}
			if end := r.IntN(4); want.Wait == 0 && !want.Repeat && end < 3 {
				how := []repository.AttemptEnd{repository.AttemptFailed, repository.AttemptUndone, repository.AttemptSucceeded}[end]
				at := a.Now.Add(time.Duration(r.IntN(3000)) * time.Millisecond)
				must(t, s.Limits.EndAttempt(t.Context(), a, how, at))
				endOn(model, a, how, at)
			}
		}
	}},
	{"PurgedWhenNothingIsLeftToRemember", func(t *testing.T, s repository.Store) {
		expectWait(t, s, attempt(0, "k"), 0)
		_, err := s.Limits.PurgeLimits(t.Context(), ms(0).Add(rule.Forget), 10)
		must(t, err)
		expectWait(t, s, attempt(0, "k"), 0)
		expectWait(t, s, attempt(0, "k"), 0)
		expectWait(t, s, attempt(0, "k"), time.Second)
	}},
}

// beginOn is the reference implementation of BeginAttempt.
func beginOn(model map[string]repository.LimitState, a repository.Attempt) (w repository.Begun) {
	told := true
	for i, k := range a.Keys {
		s, _ := model[k.Name].Settle(k.Rule, a.Now)
		if i == 0 && s.Repeats(a, a.Now) {
			model[k.Name] = s.Repeated()
			return repository.Begun{Repeat: true}
		}
		if s.Wait(a.Now) > 0 {
			w.Wait = max(w.Wait, s.Wait(a.Now))
			told = told && s.Told
		}
	}
	w.First = w.Wait > 0 && !told
	for _, k := range a.Keys {
		s, settled := model[k.Name].Settle(k.Rule, a.Now)
		switch {
		case w.Wait == 0:
			model[k.Name] = s.Count(k.Rule, a)
		case s.Wait(a.Now) > 0 && (!s.Told || settled):
			s.Told = true
			model[k.Name] = s
		}
	}
	return w
}

// endOn is the reference implementation of EndAttempt.
func endOn(model map[string]repository.LimitState, a repository.Attempt, end repository.AttemptEnd, at time.Time) {
	for i, k := range a.Keys {
		s := model[k.Name]
		switch {
		case s.Empty():
		case i == 0 && end == repository.AttemptSucceeded:
			s = repository.LimitState{}
		case i == 0 && end == repository.AttemptFailed && !s.Repeats(a, at):
			model[k.Name] = s.Fail(a, at)
			return
		case i == 0:
			s = s.Repeated().TakeBack(k.Rule, a)
		default:
			s = s.TakeBack(k.Rule, a)
		}
		if s.Empty() {
			s = repository.LimitState{}
		}
		model[k.Name] = s
	}
}
