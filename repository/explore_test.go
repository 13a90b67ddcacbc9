package repository_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"latchkey/repository"
)

// The exploration tries every schedule of a victim and a thief on the real
// rules, in a small model: time advances in ticks, grace is one tick, and the thief
// has copied the live token once. In each tick each of them may present the token
// that they have, in either order, and receives the response.

const tick = time.Second

// node is a state of the model. Generations are relative to the live one, so that states that
// differ only in their past are equal.
type node struct {
	session repository.Session // times relative to now
	victim  int64              // generation that each has, relative to the live one
	thief   int64
	vSince  int // ticks since each last presented, at most 2
	tSince  int
	vNew    bool // has got another refresh token since the last time that both had
	tNew    bool
	steps   int // in step with the victim that the thief has left; -1: any number
}

// most returns how often both can get another refresh token within that many ticks before the
// session ends.
func most(p repository.RefreshRequest, n node, ticks int, memo map[string]int) int {
	if ticks == 0 {
		return 0
	}
	key := fmt.Sprint(n, ticks)
	if best, ok := memo[key]; ok {
		return best
	}
	best := 0
	for _, order := range [][]bool{{}, {true}, {false}, {true, false}, {false, true}} { // true: the victim
		next, rounds, alive := n, 0, true
		next.vSince, next.tSince = min(2, n.vSince+1), min(2, n.tSince+1)
		for _, victim := range order {
			if next, alive = present(p, next, victim); !alive {
				break
			}
			if next.vNew && next.tNew {
				rounds++
				next.vNew, next.tNew = false, false
			}
		}
		if alive {
			rounds += most(p, later(next), ticks-1, memo)
		}
		best = max(best, rounds)
	}
	memo[key] = best
	return best
}

// present lets one of them refresh; false if that ends the session, or the thief
// may not be in step again.
func present(p repository.RefreshRequest, n node, victim bool) (node, bool) {
	if !victim && n.vSince <= 1 || victim && n.tSince <= 1 {
		if n.steps == 0 {
			return n, false
		} else if n.steps > 0 {
			n.steps--
		}
	}
	behind := n.thief
	if victim {
		behind = n.victim
	}
	p.Gen = n.session.Gen - behind
	p.JTI, p.Next = id(p.Gen), id(p.Gen+1)
	p.Now, p.OperationID = epoch, fmt.Sprint(victim, n.session.Gen, n.session.OperationID)
	after, outcome := n.session.Refresh(p)
	if outcome == repository.OutcomeRecoverable {
		p.Proof = &repository.Proof{Gen: after.Gen, JTI: after.JTI, Next: id(after.Gen + 1)}
		after, outcome = n.session.Refresh(p)
	}
	if !outcome.Accepted() {
		return n, false
	}
	moved := after.Gen - n.session.Gen
	n.session = after
	n.victim, n.thief = n.victim+moved, n.thief+moved
	fresh := outcome != repository.OutcomeKept
	if victim {
		n.victim, n.vSince, n.vNew = 0, 0, n.vNew || fresh
	} else {
		n.thief, n.tSince, n.tNew = 0, 0, n.tNew || fresh
	}
	return n, true
}

// later advances the model by a tick, and normalizes the parts of the state that no longer
// matter, so that equivalent states are equal.
func later(n node) node {
	s := &n.session
	s.RotatedAt = latest(s.RotatedAt.Add(-tick), epoch.Add(-8*tick))
	s.UsedAt, s.OperationID = epoch, ""
	s.RecoveryAt, s.Graced = epoch, 0
	shift := s.Gen - 100
	s.Gen, s.JTI = 100, id(100)
	if s.PrevJTI != "" {
		s.PrevGen -= shift
		s.PrevJTI = id(s.PrevGen)
	}
	n.victim, n.thief = min(n.victim, 9), min(n.thief, 9)
	return n
}

// delayed is a call of an honest client in flight: a connection or a replica delays it while
// the client continues through another.
type delayed struct {
	call  int // its number; 0: there is none
	gen   int64
	at    int  // the tick in which it was made
	skew  int  // of the replica that holds it, in ticks
	woken bool // the replica was suspended: it decides the call by its own time, when it wakes
}

// honest is a model with one client, which always presents the token that it has. Each call
// succeeds, its response is lost, or it is delayed past later calls. No other client has a
// token.
type honest struct {
	session repository.Session
	holds   int64 // the generation that the client has
	tick    int
	calls   int
	delayed [2]delayed
	lost    int // lost responses that were retried later than grace
}

// step is an event of a tick.
type step struct {
	honest
	how func() string
}

// refused returns the first schedule within some ticks that revokes the session of the honest
// client, or "".
func (h honest) refused(p repository.RefreshRequest, ticks int, seen map[honest]bool) string {
	if ticks == 0 || seen[h] {
		return ""
	}
	seen[h] = true
	for next := range func(yield func(step) bool) { h.steps(p, yield) } {
		if next.session.Ended != "" {
			return next.how()
		}
		if how := next.refused(p, ticks-1, seen); how != "" {
			return next.how() + "; " + how
		}
	}
	return ""
}

// steps yields the possible events of a tick: a delayed call arrives, or the client makes a
// call, which succeeds, is lost or is delayed, through a replica whose clock is right, ahead
// or behind.
func (h honest) steps(p repository.RefreshRequest, yield func(step) bool) {
	h.tick++
	h.session.RotatedAt = h.session.RotatedAt.Add(-tick)
	h.session.UsedAt, h.session.RecoveryAt = epoch, epoch.Add(-repository.RecoveryWindow)
	if !yield(step{h, func() string { return "wait" }}) {
		return
	}
	for i, d := range h.delayed {
		if d.call == 0 {
			continue
		}
		late := h
		late.delayed[i] = delayed{}
		made := time.Duration(d.at-h.tick+d.skew) * tick
		if d.woken {
			made = time.Duration(d.skew) * tick
		}
		late.session, _ = judged(late.session, p, d.gen, made, d.call, d.woken)
		if !yield(step{late, func() string { return fmt.Sprintf("tick %d: the call %+v arrives", h.tick, d) }}) {
			return
		}
	}
	limit := int(p.ClockLimit / tick)
	for skew := -limit; skew <= limit; skew++ {
		call := h
		call.calls++
		if i := slices.Index(h.delayed[:], delayed{}); i >= 0 {
			for _, woken := range []bool{false, true} {
				held := call
				held.delayed[i] = delayed{call.calls, h.holds, h.tick, skew, woken}
				if !yield(step{held, func() string { return fmt.Sprintf("tick %d: the call %+v is held", h.tick, held.delayed[i]) }}) {
					return
				}
			}
		}
		after, outcome := judged(h.session, p, h.holds, time.Duration(skew)*tick, call.calls, false)
		call.session = after
		if outcome == repository.OutcomeRecovered {
			call.lost++
		}
		if call.lost > repository.MaxRecoveries {
			continue // exceeds the budget of a day
		}
		how := func() string {
			return fmt.Sprintf("tick %d: generation %d, skew %d: %s", h.tick, h.holds, skew, outcome)
		}
		if !yield(step{call, func() string { return how() + ", and its answer is lost" }}) {
			return
		}
		if outcome.Accepted() {
			call.holds = after.Gen
			if !yield(step{call, how}) {
				return
			}
		}
	}
}

// judged presents a generation to a session at a time, now being the epoch.
func judged(s repository.Session, p repository.RefreshRequest, gen int64, at time.Duration, call int, woken bool) (repository.Session, repository.Outcome) {
	p.Gen, p.JTI, p.Next = gen, ids[gen], ids[gen+1]
	p.Now, p.OperationID, p.Woken = epoch.Add(at), string(ids[call]), woken
	after, outcome := s.Refresh(p)
	if outcome == repository.OutcomeRecoverable {
		p.Proof = &repository.Proof{Gen: after.Gen, JTI: after.JTI, Next: ids[after.Gen+1]}
		after, outcome = s.Refresh(p)
	}
	return after, outcome
}

// TestPresent_DelayedCallsEndNoHonestSession explores every schedule of an honest client
// whose calls are delayed past later ones, through replicas whose clocks are a clock
// limit apart from the database's, and that were suspended.
func TestPresent_DelayedCallsEndNoHonestSession(t *testing.T) {
	for name, c := range map[string]struct{ grace, limit time.Duration }{
		"grace of two ticks, clocks right": {2 * tick, 0},
		"grace of two ticks, clocks off":   {2 * tick, tick},
		"grace of four ticks, clocks off":  {4 * tick, tick},
	} {
		t.Run(name, func(t *testing.T) {
			p := repository.RefreshRequest{
				ClientID: "c", Delivery: repository.DeliveryBody, Rotate: true, Grace: c.grace, Debounce: 2 * c.grace,
				Recovery: 100 * tick, IdleTTL: time.Hour, ClockLimit: c.limit,
			}
			start := honest{session: repository.Session{
				JTI: ids[0], ClientID: "c", Delivery: repository.DeliveryBody, RotatedAt: epoch,
				IdleAt: epoch.Add(time.Hour), AbsoluteAt: epoch.Add(time.Hour), UsedAt: epoch,
			}}
			seen := map[honest]bool{}
			if how := start.refused(p, 7, seen); how != "" {
				t.Errorf("the session of an honest client ends: %s", how)
			}
			t.Logf("%d worlds", len(seen))
		})
	}
}

// ids are the ids of the first generations.
var ids = func() (list [16]repository.TokenID) {
	for gen := range list {
		list[gen] = id(int64(gen))
	}
	return list
}()

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func id(gen int64) repository.TokenID { return repository.TokenID(fmt.Sprint("id", gen)) }

// TestPresent_ThiefAndVictimCannotCoexist explores standard and strict rules. Its figures are the
// figures of docs/sessions.md.
func TestPresent_ThiefAndVictimCannotCoexist(t *testing.T) {
	const never, once, always = 0, 1, -1
	horizons := []int{6, 10, 14}
	for _, rule := range []struct {
		name            string
		grace, recovery time.Duration
		want            map[int][]int
	}{
		{"standard", tick + tick/2, 100 * tick, map[int][]int{always: {2, 4, 5}, once: {2, 2, 2}, never: {1, 1, 1}}},
		{"strict", 0, 0, map[int][]int{always: {0, 0, 0}, once: {0, 0, 0}, never: {0, 0, 0}}},
	} {
		for _, step := range []struct {
			name string
			n    int
		}{{"every time", always}, {"once", once}, {"never", never}} {
			p := repository.RefreshRequest{
				ClientID: "c", Delivery: repository.DeliveryBody, Rotate: true, Sliding: false,
				Grace: rule.grace, Debounce: 2 * rule.grace, Recovery: rule.recovery,
			}
			start := node{
				session: repository.Session{
					Gen: 100, JTI: id(100), ClientID: "c", Delivery: repository.DeliveryBody,
					RotatedAt: epoch.Add(-8 * tick), IdleAt: epoch.Add(time.Hour), AbsoluteAt: epoch.Add(time.Hour), UsedAt: epoch,
				},
				vSince: 2, tSince: 2, steps: step.n,
			}
			var got []int
			for _, horizon := range horizons {
				got = append(got, most(p, start, horizon, map[string]int{}))
			}
			t.Logf("%s, in step %s: both refresh at most %v times within %v ticks", rule.name, step.name, got, horizons)
			if want := rule.want[step.n]; fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("want %v", want)
			}
		}
	}
}
