package middleware

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/time/rate"

	"latchkey/internal/share"
	"latchkey/middleware/access"
	"latchkey/middleware/problem"
	"latchkey/service"
	"latchkey/service/account"
	"latchkey/service/clock"
)

// maxAddresses is the maximum number of remembered addresses, in two generations of equal size.
const maxAddresses = 32 << 10

// buckets contains a token bucket for each address, in two generations. A bucket that is not
// used for a whole generation is dropped.
type buckets struct {
	limit rate.Limit
	burst int

	mu         sync.Mutex
	young, old map[string]*rate.Limiter
}

// take takes a token. If there is none, it returns the time until there is one.
func (b *buckets) take(address string, now time.Time) time.Duration {
	r := b.of(address).ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait > 0 {
		r.CancelAt(now)
	}
	return wait
}

// empty reports whether take would find no token.
func (b *buckets) empty(address string, now time.Time) bool {
	return b.of(address).TokensAt(now) < 1
}

// of returns the bucket of an address.
func (b *buckets) of(address string) *rate.Limiter {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.young[address]
	if l == nil {
		if l = b.old[address]; l == nil {
			l = rate.NewLimiter(b.limit, b.burst)
		}
		if b.young == nil || len(b.young) >= maxAddresses/2 {
			b.young, b.old = map[string]*rate.Limiter{}, b.young
		}
		b.young[address] = l
	}
	return l
}

// Rate limits each address to n requests per time, at this replica. If counted is not nil, only
// the requests for which it returns true count.
func Rate(n, burst int, per time.Duration, now func() time.Time, problems *problem.Writer, counted func(*gin.Context) bool) gin.HandlerFunc {
	b := &buckets{limit: rate.Every(per / time.Duration(n)), burst: burst}
	return func(c *gin.Context) {
		if counted != nil && !counted(c) {
			return
		}
		wait := b.take(share.Prefix(c.ClientIP()), now())
		if wait == 0 {
			return
		}
		err := &service.Error{Code: service.CodeRateLimited, Message: "Too many requests from your address. Try again in a moment.", RetryAfter: wait}
		_ = c.Error(err)
		c.Abort()
		problems.Write(c.Request.Context(), c.Writer, err)
	}
}

// refusalsPerSecond is how many attempts of one sender are refused with all that this costs.
const refusalsPerSecond = 10

// Refusals counts the attempts of each sender that were refused because of a rate limit or a busy
// service. The sender is a device, or else an address. Each replica counts for itself.
type Refusals struct {
	buckets *buckets
	now     func() time.Time
	device  func(*gin.Context) string
	held    atomic.Int64
}

const (
	// holdFor is how long, on average, a response is held back that an attacker may be waiting for,
	// only to send the next attempt. A connection then sends ten of them a second instead of
	// thousands. The time varies by half of that, so that they do not arrive together.
	holdFor = 100 * time.Millisecond
	// maxHeld bounds the held responses. Further ones are sent at once.
	maxHeld = 1024
)

// hold delays the response, unless the client is gone. Small responses are sent when the handler
// returns.
func (r *Refusals) hold(ctx context.Context) {
	defer r.held.Add(-1)
	if r.held.Add(1) > maxHeld {
		return
	}
	t := time.NewTimer(holdFor*3/4 + clock.Spread(holdFor/2))
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// NewRefusals returns Refusals without any count. device names the device of a request, or returns
// "" if there is none to count by.
func NewRefusals(now func() time.Time, device func(*gin.Context) string) *Refusals {
	return &Refusals{buckets: &buckets{limit: refusalsPerSecond, burst: refusalsPerSecond}, now: now, device: device}
}

// Limit answers 429 to a sender who was refused too often in the last second, before the request is
// read, so that a flood costs little. It holds that response back, and the response of a busy
// service. refuse writes the answer of the route. Routes that share
// Refusals count together. Nil Refusals limit nothing.
func (r *Refusals) Limit(refuse func(*gin.Context, error)) gin.HandlerFunc {
	if r == nil {
		return func(*gin.Context) {}
	}
	return func(c *gin.Context) {
		who := r.device(c)
		if who == "" {
			who = share.Prefix(c.ClientIP())
		}
		if r.buckets.empty(who, r.now()) {
			err := &service.Error{Code: service.CodeRateLimited, Message: "Too many attempts from your address were refused. Try again in a moment.", RetryAfter: time.Second}
			_ = c.Error(err).SetMeta(flooding{})
			c.Abort()
			refuse(c, err)
			r.hold(c.Request.Context())
			return
		}
		c.Next()
		if len(c.Errors) == 0 {
			return
		}
		code := service.AsError(c.Errors.Last().Err).Code
		if code == service.CodeRateLimited || code == service.CodeOverloaded {
			r.buckets.take(who, r.now())
		}
		if code == service.CodeOverloaded {
			r.hold(c.Request.Context())
		}
	}
}

// flooding marks the error of a refusal that repeats earlier ones. Only the metrics count it: its
// lines would flood the log.
type flooding struct{}

// NoAdministrator reports whether no guard admitted the request as an administrator's request.
func NoAdministrator(c *gin.Context) bool {
	s, known := access.FromContext(c.Request.Context())
	return !known || s.Privilege < account.PrivilegeAdministrator
}
