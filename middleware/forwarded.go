package middleware

import (
	"log/slog"
	"net/netip"
	"strings"
	"sync/atomic"

	"github.com/gin-gonic/gin"
)

// forwardedFor is the header in which proxies list the addresses of a request's path.
const forwardedFor = "X-Forwarded-For"

// ForwardedFor rewrites X-Forwarded-For into a form that Gin reads completely: a single header
// line, and addresses without the port or the brackets that some proxies write. An entry that
// is not an address stays. If it is the last entry, Gin uses the proxy's address, and all users
// behind the proxy share that address; this is logged once.
func ForwardedFor(log *slog.Logger) gin.HandlerFunc {
	var warned atomic.Bool
	return func(c *gin.Context) {
		lines := c.Request.Header.Values(forwardedFor)
		if len(lines) == 0 {
			return
		}
		var entries []string
		for entry := range strings.SplitSeq(strings.Join(lines, ","), ",") {
			if entry = strings.TrimSpace(entry); entry == "" { // RFC 9110 5.6.1
				continue
			}
			address, ok := readAddress(entry)
			if ok {
				entry = address.String()
			}
			entries = append(entries, entry)
		}
		if n := len(entries); n > 0 { // the proxy wrote the last entry; the client may have written the entries before it
			if _, ok := readAddress(entries[n-1]); !ok && warned.CompareAndSwap(false, true) {
				log.WarnContext(c.Request.Context(), "the last entry of "+forwardedFor+" is not an address; using the address of the proxy for such requests",
					"length", len(entries[n-1]))
			}
		}
		c.Request.Header.Set(forwardedFor, strings.Join(entries, ", "))
	}
}

// readAddress parses 192.0.2.1, 192.0.2.1:8080, 2001:db8::1, [2001:db8::1] and
// [2001:db8::1]:8080, without a zone, and also in quotes. It ignores the port, whatever it is: some
// proxies write an empty or an obscured one (RFC 7239 6).
func readAddress(s string) (netip.Addr, bool) {
	s = strings.Trim(s, `"`)
	if rest, ok := strings.CutPrefix(s, "["); ok {
		address, port, closed := strings.Cut(rest, "]")
		if !closed || port != "" && port[0] != ':' {
			return netip.Addr{}, false
		}
		s = address
	} else if strings.Count(s, ":") == 1 {
		s, _, _ = strings.Cut(s, ":")
	}
	a, err := netip.ParseAddr(s)
	return a.WithZone("").Unmap(), err == nil
}
