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
	Database string `json:"database"` // where accounts are
	Redis    string `json:"redis"`    // where sessions are; the same in the embedded mode
	// Reasons says what is wrong, to requests from this machine alone.
	Reasons map[string]string `json:"reasons,omitempty"`
}

// status is GET /: whether the service and its stores answer.
func (s *server) status(c *call, _ empty) (reply, error) {
	return s.health(c, s.Health.Check(c.ctx()), true), nil
}

// live is GET /livez: the process answers.
func (s *server) live(*call, empty) (reply, error) {
	return reply{body: map[string]string{"status": "OK"}}, nil
}

// ready is GET /readyz: requests should come to this replica. A store that is
// unavailable is no reason against it, except with the parameter stores=1.
func (s *server) ready(c *call, _ empty) (reply, error) {
	if c.r.URL.Query().Get("stores") == "1" {
		return s.health(c, s.Health.Check(c.ctx()), true), nil
	}
	return s.health(c, s.Health.Look(c.ctx()), false), nil
}

// health answers with a state of the service, and 503 where something is wrong; with
// stores also where one of them is unavailable.
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

// fromHere reports whether a request comes from this machine, and through no proxy on
// it.
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
