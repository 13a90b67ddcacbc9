package mail

import (
	"context"
	"net"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// DialTo makes a transport connect to an address instead of its host, with a time limit.
func (s *SMTP) DialTo(address string, limit time.Duration) *SMTP {
	s.options = append(s.options, gomail.WithTimeout(limit), gomail.WithDialContextFunc(func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{Timeout: limit}).DialContext(ctx, network, address)
	}))
	return s
}

// Lease is how long a claim lasts.
const Lease = lease

// Backoff returns the time before the next attempt.
var Backoff = backoff
