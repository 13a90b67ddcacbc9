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

// Clock is the clock of this process, and what is known of how far it can be
// trusted. With a database server it is compared with the server's; embedded it is
// compared with the newest time that a process has written (repository.TimeMark).
//
//	unknown    not measured yet: it serves, and nothing is deleted
//	good       within Limit of the server's, or fits the mark
//	bad        off by more in three measurements: this replica is not ready, and
//	           refuses logins and refreshes
//	untrusted  the server's time jumped, or the mark does not fit: nothing is
//	           deleted, and all else goes on
type Clock struct {
	now     func() time.Time
	server  repository.Clock    // or nil
	mark    repository.TimeMark // or nil
	limit   time.Duration
	asleep  time.Duration // a ticker that is later than this tells that the process stood still
	log     *slog.Logger
	started time.Time // for elapsed

	lastTick   atomic.Int64 // elapsed; 0: Run has not begun
	wokenUntil atomic.Int64 // elapsed

	mu      sync.Mutex
	last    *measurement
	strikes int  // measurements in a row that were off
	jumped  bool // the server's clock jumped against our monotonic one
	verdict verdict
	why     error // of a verdict that is not good
	ahead   time.Duration
}

// verdict is what the measurements say of a clock.
type verdict int

const (
	clockUnknown verdict = iota
	clockGood
	clockBad
	clockUntrusted
)

// measurement is the server's time and our monotonic one at the same moment.
type measurement struct{ server, elapsed time.Duration }

const (
	// clockStrikes is how many measurements in a row make a clock bad.
	clockStrikes = 3
	// clockRoundTrip is the longest round trip of a measurement that counts.
	clockRoundTrip = 500 * time.Millisecond
	// clockTick is the time between two ticks, which tell that a process stood still.
	clockTick = 250 * time.Millisecond
	// clockMeasure is the time between two measurements; clockRecheck while the last
	// one was off.
	clockMeasure = 5 * time.Second
	clockRecheck = time.Second
	// wokenFor is how long a replica that stood still accuses no session.
	wokenFor = 10 * time.Second
	// markMax is how far the clock may be ahead of the mark.
	markMax = 24 * time.Hour
	// markEvery is the time between two advances of the mark.
	markEvery = time.Minute
)

// Limit is how far the clock of a replica may be off the database's, for a
// grace time: two replicas are never further apart than the grace.
func Limit(grace time.Duration) time.Duration {
	if grace == 0 {
		return 30 * time.Second
	}
	return max(2*time.Second, min(30*time.Second, grace/2))
}

// New returns the clock of a process, which is compared with a server or a mark; both
// may be nil. Now is the time of the process, and grace that of sessions.
func New(server repository.Clock, mark repository.TimeMark, grace time.Duration, now func() time.Time, log *slog.Logger) *Clock {
	c := &Clock{
		now: now, server: server, mark: mark, limit: Limit(grace), asleep: max(grace, 2*time.Second), log: log,
		started: time.Now(), //nolint:forbidigo // the origin of the monotonic clock
	}
	if c.server == nil && c.mark == nil { // there is nothing to compare it with
		c.verdict = clockGood
	}
	return c
}

// Now returns the time of this process in UTC, rounded down to Resolution.
func (c *Clock) Now() time.Time { return round(c.now()) }

// Resolution is that of every time that a store keeps: the session store has milliseconds.
const Resolution = time.Millisecond

// round makes a time one that every store returns as it was written.
func round(t time.Time) time.Time { return t.UTC().Truncate(Resolution) }

// Limit is how far a clock may be off.
func (c *Clock) Limit() time.Duration { return c.limit }

// Leeway is how long after its expiry our own guard accepts an access token.
func (c *Clock) Leeway() time.Duration { return min(c.limit, 5*time.Second) }

// Elapsed returns the monotonic time of this process, which no change of the clock moves.
func (c *Clock) Elapsed() time.Duration {
	return time.Since(c.started) //nolint:forbidigo // the monotonic clock
}

// Start measures the clock until it is known to be good or bad, or cannot be.
func (c *Clock) Start(ctx context.Context) {
	for range clockStrikes {
		if c.measure(ctx); !c.off() {
			return
		}
	}
}

// Run watches the clock until ctx is done.
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
		// A virtual machine that was moved may have a monotonic clock that stood still too.
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

// follow measures until ctx is done.
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

// Woken reports whether the process stood still a moment ago: SIGSTOP, or the
// migration of a virtual machine. A call may then be older than it seems. It does not
// rely on the ticker alone, which may run after the call.
func (c *Clock) Woken() bool {
	last, elapsed := c.lastTick.Load(), int64(c.Elapsed())
	return last != 0 && (elapsed < c.wokenUntil.Load() || elapsed-last > int64(c.asleep+clockTick))
}

// Err is nil unless the clock is bad: then this replica must not serve. It is
// store_unavailable.
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

// Good reports whether the clock may be relied on to say that something has expired
// for good.
func (c *Clock) Good() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.verdict == clockGood && c.strikes == 0
}

// State says how far the clock is ahead of the server's, whether it is bad, and why
// it is not good.
func (c *Clock) State() (ahead time.Duration, bad bool, why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ahead, c.verdict == clockBad, c.why
}

// Trusted returns the database's time, or embedded our own where it fits the mark,
// for what must not follow from the clock of one process. Its error says why there is
// none now.
func (c *Clock) Trusted(ctx context.Context) (time.Time, error) {
	c.measure(ctx)
	if _, _, why := c.State(); !c.Good() {
		return time.Time{}, fmt.Errorf("the clock is not trusted: %w", cmp.Or(why, errors.New("it could not be compared")))
	}
	return c.Reference(ctx), nil
}

// Deletable returns the time before which expired records may be deleted. Its error
// says why nothing may be deleted now.
func (c *Clock) Deletable(ctx context.Context) (time.Time, error) {
	now, err := c.Trusted(ctx)
	if err == nil && c.mark != nil { // a clock that fits the mark may be so far ahead
		now = now.Add(-markMax)
	}
	return now, err
}

// Reference is the best time that can be had: the server's, else our own.
func (c *Clock) Reference(ctx context.Context) time.Time {
	if c.server != nil {
		if now, err := c.server.Now(ctx); err == nil {
			return round(now)
		}
	}
	return c.Now()
}

// Accept declares the clock right, for an operator: the mark moves to it.
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

// measureServer compares our clock with the server's. A server that does not answer,
// or not soon enough, says nothing.
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

// judge takes a measurement: how far we are ahead, and when that was.
func (c *Clock) judge(ctx context.Context, ahead time.Duration, at measurement) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last != nil && ((at.server-c.last.server)-(at.elapsed-c.last.elapsed)).Abs() > c.limit {
		c.jumped = true
		// Or both our clocks stood still, as those of a virtual machine that was paused.
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

// measureMark compares our clock with the mark, and moves the mark where it fits.
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

// decide sets the verdict, and logs one that is another than before.
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

// Spread returns a random time up to limit, so that clients that came together do not
// come back together.
func Spread(limit time.Duration) time.Duration {
	return rand.N(limit + 1) //nolint:gosec // no secret
}
