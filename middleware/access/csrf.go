package access

import (
	"fmt"
	"net/http"

	"latchkey/service"
)

// CSRF refuses writes with cookies that another site makes a browser send.
type CSRF struct {
	protection *http.CrossOriginProtection
}

// NewCSRF returns a check with the origins that may write: the service's own origin, which the
// Host of a request need not name behind a proxy, and the origins in the settings.
func NewCSRF(origins []string) (*CSRF, error) {
	p := http.NewCrossOriginProtection()
	for _, o := range origins {
		if err := p.AddTrustedOrigin(o); err != nil {
			return nil, fmt.Errorf("cors.origins: %w", err)
		}
	}
	return &CSRF{p}, nil
}

// Check returns csrf_denied for a write that another site initiated. Call it only if the
// credentials came in a cookie; another site cannot make a browser send a header with
// credentials.
func (c *CSRF) Check(r *http.Request) error {
	if err := c.protection.Check(r); err != nil {
		return &service.Error{
			Code: service.CodeCSRFDenied, Message: "This request came from another site. To allow it, add its origin to cors.origins.", Err: err,
		}
	}
	return nil
}
