package middleware

import (
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/time/rate"

	"latchkey/internal/share"
	"latchkey/middleware/access"
	"latchkey/middleware/problem"
	"latchkey/service"
	"latchkey/service/account"
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
	b.mu.Lock()
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
	b.mu.Unlock()
	r := l.ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait > 0 {
		r.CancelAt(now)
	}
	return wait
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

// NoAdministrator reports whether no guard admitted the request as an administrator's request.
func NoAdministrator(c *gin.Context) bool {
	s, known := access.FromContext(c.Request.Context())
	return !known || s.Privilege < account.PrivilegeAdministrator
}
