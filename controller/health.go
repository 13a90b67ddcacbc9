package controller

import (
	"net"
	"net/http"
	"net/netip"
	"time"

	"latchkey/service"
	"latchkey/service/health"
)

type statusBody struct {
	Status   string `json:"status"`
	Mode     string `json:"mode"`
	Database string `json:"database"` // accounts
	Redis    string `json:"redis"`    // sessions; in the embedded mode the same as Database
	// Reasons contains what is wrong. It is shown only to requests from this machine.
	Reasons map[string]string `json:"reasons,omitempty"`
}

// status handles GET /: whether the service and its stores respond.
func (s *server) status(c *call, _ empty) (reply, error) {
	return s.health(c, s.Health.Check(c.ctx()), true), nil
}

// live handles GET /livez: the process responds.
func (s *server) live(*call, empty) (reply, error) {
	return reply{body: map[string]string{"status": "OK"}}, nil
}

// ready handles GET /readyz: whether this replica should get requests. An unavailable store
// does not make a replica unready, unless the request has the parameter stores=1.
func (s *server) ready(c *call, _ empty) (reply, error) {
	if c.r.URL.Query().Get("stores") == "1" {
		return s.health(c, s.Health.Check(c.ctx()), true), nil
	}
	return s.health(c, s.Health.Look(c.ctx()), false), nil
}

// health returns the reply for a state of the service: 503 if something is wrong. With stores
// it is also 503 if a store is unavailable.
func (s *server) health(c *call, state health.Report, stores bool) reply {
	word := func(err error) string {
		if err == nil {
			return "OK"
		}
		return "unavailable"
	}
	err := state.Err(stores)
	body := statusBody{Status: word(err), Mode: state.Mode, Database: word(state.DatabaseErr), Redis: word(state.SessionStoreErr)}
	if state.Draining {
		body.Status = "draining"
	}
	if fromHere(c.r) {
		body.Reasons = map[string]string{}
		for name, err := range map[string]error{"database": state.DatabaseErr, "redis": state.SessionStoreErr, "clock": state.ClockErr} {
			if err != nil {
				body.Reasons[name] = err.Error()
			}
		}
	}
	out := reply{body: body}
	if err != nil {
		out.status, out.header = http.StatusServiceUnavailable, map[string]string{"Retry-After": "1"}
		out.cause = &service.Error{Code: service.CodeStoreUnavailable, Message: "The service is not ready. Try again in a moment.", Err: err, RetryAfter: time.Second}
	}
	return out
}

// fromHere reports whether a request comes from this machine, and not through a proxy on it.
func fromHere(r *http.Request) bool {
	for _, name := range []string{"X-Forwarded-For", "X-Real-Ip", "Forwarded", "Via"} {
		if r.Header.Get(name) != "" {
			return false
		}
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}
