package clock

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"latchkey/repository"
	"latchkey/service"
)

// Clock is the clock of this process, with a verdict on its reliability. With a database server
// it is compared with the server's clock. In embedded mode it is compared with the newest time
// that a process has written (repository.TimeMark).
//
//	unknown    not measured yet: the replica serves, and deletes nothing
//	good       within Limit of the server's clock, or consistent with the mark
//	bad        off by more than Limit in three measurements: this replica is not ready, and
//	           refuses logins and refreshes
//	untrusted  the server's time jumped, or the mark does not fit: the replica serves, and
//	           deletes nothing
type Clock struct {
	now     func() time.Time
	server  repository.Clock    // or nil
	mark    repository.TimeMark // or nil
	limit   time.Duration
	asleep  time.Duration // a ticker that is later than this shows that the process was paused
	log     *slog.Logger
	started time.Time // origin of elapsed

	lastTick   atomic.Int64 // elapsed; 0: Run has not started
	wokenUntil atomic.Int64 // elapsed

	mu      sync.Mutex
	last    *measurement
	strikes int  // consecutive measurements that were off
	jumped  bool // the server's clock jumped relative to our monotonic clock
	verdict verdict
	why     error // reason for a verdict that is not good
	ahead   time.Duration
}

// verdict is the conclusion from the measurements of a clock.
type verdict int

const (
	clockUnknown verdict = iota
	clockGood
	clockBad
	clockUntrusted
)

// measurement is the server's time and our monotonic time at the same moment.
type measurement struct{ server, elapsed time.Duration }

const (
	// clockStrikes is the number of consecutive wrong measurements that make a clock bad.
	clockStrikes = 3
	// clockRoundTrip is the longest round trip of a valid measurement.
	clockRoundTrip = 500 * time.Millisecond
	// clockTick is the time between two ticks. A late tick shows that the process was paused.
	clockTick = 250 * time.Millisecond
	// clockMeasure is the time between two measurements, and clockRecheck the time after a
	// measurement that was off.
	clockMeasure = 5 * time.Second
	clockRecheck = time.Second
	// wokenFor is how long a replica that was paused reports no session for reuse.
	wokenFor = 10 * time.Second
	// markMax is the maximum time that the clock may be ahead of the mark.
	markMax = 24 * time.Hour
	// markEvery is the time between two advances of the mark.
	markEvery = time.Minute
)

// Limit returns the maximum offset between a replica's clock and the database's, for a grace time.
// Two replicas with valid clocks never differ by more than the grace time.
func Limit(grace time.Duration) time.Duration {
	if grace == 0 {
		return 30 * time.Second
	}
	return max(2*time.Second, min(30*time.Second, grace/2))
}

// New returns a Clock that is compared with a server or a mark; both may be nil. The function now
// returns the time of the process, and grace is the grace time of sessions.
func New(server repository.Clock, mark repository.TimeMark, grace time.Duration, now func() time.Time, log *slog.Logger) *Clock {
	c := &Clock{
		now: now, server: server, mark: mark, limit: Limit(grace), asleep: max(grace, 2*time.Second), log: log,
		started: time.Now(), //nolint:forbidigo // origin of the monotonic clock
	}
	if c.server == nil && c.mark == nil { // nothing to compare the clock with
		c.verdict = clockGood
	}
	return c
}

// Now returns the time of this process in UTC, rounded down to Resolution.
func (c *Clock) Now() time.Time { return round(c.now()) }

// Resolution is the resolution of every stored time: the session store keeps milliseconds.
const Resolution = time.Millisecond

// round rounds a time down to Resolution, so that every store returns it unchanged.
func round(t time.Time) time.Time { return t.UTC().Truncate(Resolution) }

// Limit returns the maximum offset of the clock.
func (c *Clock) Limit() time.Duration { return c.limit }

// Leeway returns how long after its expiry our own endpoints accept an access token.
func (c *Clock) Leeway() time.Duration { return min(c.limit, 5*time.Second) }

// Elapsed returns the monotonic time of this process, which does not change when the clock is set.
func (c *Clock) Elapsed() time.Duration {
	return time.Since(c.started) //nolint:forbidigo // the monotonic clock
}

// Start measures the clock until the result is good or bad, or until no result is possible.
func (c *Clock) Start(ctx context.Context) {
	for range clockStrikes {
		if c.measure(ctx); !c.off() {
			return
		}
	}
}

// Run monitors the clock until ctx is done.
func (c *Clock) Run(ctx context.Context) {
	go c.follow(ctx)
	tick := time.NewTicker(clockTick)
	defer tick.Stop()
	wall := c.now()
	c.lastTick.Store(int64(c.Elapsed()) + 1)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now, elapsed := c.now(), c.Elapsed()
		// After the migration of a virtual machine its monotonic clock may have paused too.
		stood := max(elapsed-time.Duration(c.lastTick.Load()), now.Round(0).Sub(wall.Round(0))) - clockTick
		if stood > c.asleep {
			c.wokenUntil.Store(int64(elapsed + wokenFor))
			c.log.LogAttrs(ctx, slog.LevelWarn, "the process was paused, or its clock jumped; detection of reused refresh tokens is suspended",
				slog.Duration("stood", stood), slog.Duration("for", wokenFor))
		}
		c.lastTick.Store(int64(elapsed))
		wall = now
	}
}

// follow measures the clock until ctx is done.
func (c *Clock) follow(ctx context.Context) {
	for {
		pause := clockMeasure
		if c.off() {
			pause = clockRecheck
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		c.measure(ctx)
	}
}

// Woken reports whether the process was paused recently, by SIGSTOP or by the migration of a
// virtual machine. A call may then be older than it seems. It does not rely on the ticker alone,
// because the ticker may run after the call.
func (c *Clock) Woken() bool {
	last, elapsed := c.lastTick.Load(), int64(c.Elapsed())
	return last != 0 && (elapsed < c.wokenUntil.Load() || elapsed-last > int64(c.asleep+clockTick))
}

// Err returns store_unavailable if the clock is bad, in which case this replica must not serve.
func (c *Clock) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.verdict != clockBad {
		return nil
	}
	return &service.Error{
		Code: service.CodeStoreUnavailable, Message: "The clock of this server is wrong. Try again in a moment.", Err: c.why, RetryAfter: 2 * time.Second,
	}
}

// Good reports whether the clock is reliable enough to decide that a record has finally expired.
func (c *Clock) Good() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.verdict == clockGood && c.strikes == 0
}

// State returns how far the clock is ahead of the server's, whether it is bad, and why it is not
// good.
func (c *Clock) State() (ahead time.Duration, bad bool, why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ahead, c.verdict == clockBad, c.why
}

// Trusted returns a time that does not depend on the clock of one process alone: the database's
// time, or in embedded mode our own time if it fits the mark. It returns an error with the reason
// if there is no such time.
func (c *Clock) Trusted(ctx context.Context) (time.Time, error) {
	c.measure(ctx)
	if _, _, why := c.State(); !c.Good() {
		return time.Time{}, fmt.Errorf("the clock is not trusted: %w", cmp.Or(why, errors.New("it could not be compared")))
	}
	return c.Reference(ctx), nil
}

// Deletable returns the time before which expired records may be deleted. It returns an error with
// the reason if deletion is not allowed now.
func (c *Clock) Deletable(ctx context.Context) (time.Time, error) {
	now, err := c.Trusted(ctx)
	if err == nil && c.mark != nil { // a clock that fits the mark may still be this far ahead
		now = now.Add(-markMax)
	}
	return now, err
}

// Reference returns the best available time: the server's, or else our own.
func (c *Clock) Reference(ctx context.Context) time.Time {
	if c.server != nil {
		if now, err := c.server.Now(ctx); err == nil {
			return round(now)
		}
	}
	return c.Now()
}

// Accept declares the clock correct on behalf of an operator, and moves the mark to it.
func (c *Clock) Accept(ctx context.Context) error {
	if c.mark == nil {
		return errors.New("with Postgres the clock of the database server is the reference: correct the system clock instead")
	}
	if err := c.mark.SetTime(ctx, c.Now()); err != nil {
		return service.StoreFailure("accept the clock", err)
	}
	c.measure(ctx)
	return nil
}

// off reports whether the last measurement was off.
func (c *Clock) off() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.strikes > 0 && c.verdict != clockBad
}

func (c *Clock) measure(ctx context.Context) {
	switch {
	case c.server != nil:
		c.measureServer(ctx)
	case c.mark != nil:
		c.measureMark(ctx)
	}
}

// measureServer compares our clock with the server's. It ignores a server that does not answer, or
// answers too late.
func (c *Clock) measureServer(ctx context.Context) {
	ours, before := c.now(), c.Elapsed()
	server, err := c.server.Now(ctx)
	trip := c.Elapsed() - before
	if err != nil || trip >= clockRoundTrip {
		return
	}
	at := measurement{time.Duration(server.UnixNano()), before + trip/2}
	c.judge(ctx, ours.Add(trip/2).Sub(server).Round(time.Millisecond), at)
}

// judge evaluates a measurement: how far our clock is ahead, and when it was measured.
func (c *Clock) judge(ctx context.Context, ahead time.Duration, at measurement) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last != nil && ((at.server-c.last.server)-(at.elapsed-c.last.elapsed)).Abs() > c.limit {
		c.jumped = true
		// Alternatively, both our clocks paused: the virtual machine was suspended.
		c.wokenUntil.Store(int64(c.Elapsed() + wokenFor))
	}
	c.last, c.ahead = &at, ahead
	switch {
	case ahead.Abs() <= c.limit:
		c.strikes, c.jumped = 0, false
		c.decide(ctx, clockGood, nil)
	case c.jumped:
		c.strikes = 0
		c.decide(ctx, clockUntrusted, fmt.Errorf("the clock of the database server jumped: this server is %s ahead of it; nothing is deleted until the clock is corrected", ahead))
	default:
		if c.strikes++; c.strikes >= clockStrikes {
			c.decide(ctx, clockBad, fmt.Errorf("the clock is %s ahead of the clock of the database server, and the limit is %s: set the clock or run NTP", ahead, c.limit))
		}
	}
}

// measureMark compares our clock with the mark, and advances the mark if the clock fits.
func (c *Clock) measureMark(ctx context.Context) {
	newest, err := c.mark.NewestTime(ctx)
	if err != nil {
		return
	}
	now := c.Now()
	ahead, how := now.Sub(newest), ""
	switch {
	case newest.IsZero():
	case ahead < 0:
		how = "behind"
	case ahead > markMax:
		how = "more than a day ahead of"
	}
	if how == "" && ahead >= markEvery && c.mark.AdvanceTime(ctx, now) != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if how == "" {
		c.decide(ctx, clockGood, nil)
		return
	}
	c.decide(ctx, clockUntrusted, fmt.Errorf("the clock is %s the newest time in the database (%s); nothing is deleted until the clock is set, or an operator runs: latchkey clock accept",
		how, newest.Format(time.RFC3339)))
}

// decide sets the verdict, and logs it if it differs from the previous one.
func (c *Clock) decide(ctx context.Context, v verdict, why error) {
	was := c.verdict
	c.verdict, c.why = v, why
	switch {
	case v == was:
	case v == clockBad:
		c.log.LogAttrs(ctx, slog.LevelError, "the clock is wrong; logins and refreshes are refused", slog.Any("error", why))
	case v == clockUntrusted:
		c.log.LogAttrs(ctx, slog.LevelWarn, "the clock is not trusted", slog.Any("error", why))
	case was != clockUnknown:
		c.log.LogAttrs(ctx, slog.LevelInfo, "the clock is trusted again")
	}
}

// Spread returns a random duration up to limit, so that clients that arrived together do not return
// together.
func Spread(limit time.Duration) time.Duration {
	return rand.N(limit + 1) //nolint:gosec // not a secret
}
