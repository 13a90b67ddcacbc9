package repotest

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"latchkey/repository"
)

var rule = repository.LimitRule{Free: 3, Base: time.Second, Max: 8 * time.Second, Forget: time.Minute}

// attempt is one on some keys, a time after noon.
func attempt(after time.Duration, names ...string) repository.Attempt {
	a := repository.Attempt{Now: ms(0).Add(after)}
	for _, n := range names {
		a.Keys = append(a.Keys, repository.LimitKey{Name: n, Rule: rule})
	}
	return a
}

// expectWait begins an attempt that is answered so.
func expectWait(t *testing.T, s repository.Store, a repository.Attempt, wait time.Duration) repository.Waiting {
	t.Helper()
	w, err := s.Limits.BeginAttempt(t.Context(), a)
	must(t, err)
	if w.For != wait {
		t.Fatalf("at %s: wait %s, not %s", a.Now.Sub(ms(0)), w.For, wait)
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
			expectWait(t, s, attempt(at, "k"), 0) // the third brings the first delay
			delay *= time.Second
			expectWait(t, s, attempt(at, "k"), delay)
			expectWait(t, s, attempt(at+delay-time.Millisecond, "k"), time.Millisecond)
			at += delay
		}
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
		must(t, s.Limits.EndAttempt(t.Context(), attempt(0, "mine", "all"), true))
		// What the attempt itself counted is taken back, with its delay.
		expectWait(t, s, attempt(0, "mine"), 0)
		expectWait(t, s, attempt(0, "mine"), 0)
		expectWait(t, s, attempt(0, "all"), 0)
		expectWait(t, s, attempt(0, "all"), time.Second)
	}},
	{"WhatDidNotFailIsTakenBack", func(t *testing.T, s repository.Store) {
		for range 20 {
			expectWait(t, s, attempt(0, "a", "b"), 0)
			must(t, s.Limits.EndAttempt(t.Context(), attempt(0, "a", "b"), false))
		}
		must(t, s.Limits.EndAttempt(t.Context(), attempt(0, "unheard"), false))
		must(t, s.Limits.EndAttempt(t.Context(), attempt(0, "unheard"), true))
	}},
	{"TheSameAttemptCountsOnce", func(t *testing.T, s repository.Store) {
		same := func(after time.Duration, print string) repository.Attempt {
			a := attempt(after, "k")
			a.Fingerprint = print
			return a
		}
		for range 10 {
			expectWait(t, s, same(0, "x"), 0)
		}
		expectWait(t, s, same(0, "y"), 0)
		expectWait(t, s, same(repository.SameAttempt-time.Millisecond, "y"), 0)
		expectWait(t, s, same(repository.SameAttempt, "y"), 0) // the third
		expectWait(t, s, same(repository.SameAttempt, "y"), 0)
		expectWait(t, s, same(repository.SameAttempt, "z"), time.Second)
	}},
	{"ForgottenAfterAWhile", func(t *testing.T, s repository.Store) {
		for range 2 {
			expectWait(t, s, attempt(0, "k"), 0)
		}
		at := rule.Forget
		for range 2 {
			expectWait(t, s, attempt(at, "k"), 0)
		}
		expectWait(t, s, attempt(at+rule.Forget-time.Millisecond, "k"), 0)
		expectWait(t, s, attempt(at+rule.Forget-time.Millisecond, "k"), time.Second)
	}},
	{"ManyAtOnceGetNoMoreThanTheirShare", func(t *testing.T, s repository.Store) {
		passed := make([]bool, 64)
		for _, err := range together(len(passed), func(i int) error {
			w, err := s.Limits.BeginAttempt(t.Context(), attempt(0, "shared", fmt.Sprint("own", i)))
			passed[i] = w.For == 0
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
			if r.IntN(40) == 0 {
				now += rule.Forget
			}
			a := attempt(now, names[:1+r.IntN(3)]...)
			if r.IntN(3) == 0 {
				a.Fingerprint = names[r.IntN(2)]
			}
			got, err := s.Limits.BeginAttempt(t.Context(), a)
			must(t, err)
			want, repeats := beginOn(model, a)
			if got != want {
				t.Fatalf("step %d: %+v, not %+v", step, got, want)
			}
			if end := r.IntN(4); want.For == 0 && !repeats && end < 2 {
				must(t, s.Limits.EndAttempt(t.Context(), a, end == 0))
				for i, k := range a.Keys {
					if i == 0 && end == 0 {
						delete(model, k.Name)
					} else {
						model[k.Name] = model[k.Name].TakeBack(k.Rule)
					}
				}
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

// beginOn is what BeginAttempt means.
func beginOn(model map[string]repository.LimitState, a repository.Attempt) (w repository.Waiting, repeats bool) {
	if model[a.Keys[0].Name].Repeats(a) {
		return w, true
	}
	told := true
	for _, k := range a.Keys {
		if s := model[k.Name]; s.Wait(a.Now) > 0 {
			w.For = max(w.For, s.Wait(a.Now))
			told = told && s.Told
		}
	}
	w.First = w.For > 0 && !told
	for _, k := range a.Keys {
		s := model[k.Name]
		switch {
		case w.For == 0:
			s = s.Count(k.Rule, a)
		case s.Wait(a.Now) > 0:
			s.Told = true
		}
		model[k.Name] = s
	}
	return w, false
}
