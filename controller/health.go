package controller

import (
	"net/http"

	"latchkey/service"
)

type statusBody struct {
	Status   string `json:"status"`
	Mode     string `json:"mode"`
	Database string `json:"database"` // where accounts are
	Redis    string `json:"redis"`    // where sessions are; the same in the embedded mode
}

// status is GET /.
func (s *server) status(c *call, _ empty) (reply, error) {
	state := s.Health.Check(c.ctx())
	out := statusReply(state)
	if state.DatabaseErr != nil || state.SessionStoreErr != nil {
		out.status = http.StatusServiceUnavailable
	}
	return out, nil
}

// live is GET /livez: the process answers.
func (s *server) live(*call, empty) (reply, error) {
	return reply{body: map[string]string{"status": "OK"}}, nil
}

// ready is GET /readyz: requests should come here.
func (s *server) ready(c *call, _ empty) (reply, error) {
	state := s.Health.Check(c.ctx())
	out := statusReply(state)
	if !state.Ready() {
		out.status = http.StatusServiceUnavailable
	}
	return out, nil
}

func statusReply(state service.State) reply {
	word := func(ok bool) string {
		if ok {
			return "OK"
		}
		return "unavailable"
	}
	body := statusBody{
		Status: word(state.Ready()), Mode: state.Mode, Database: word(state.DatabaseErr == nil), Redis: word(state.SessionStoreErr == nil),
	}
	if state.Draining {
		body.Status = "draining"
	}
	return reply{body: body}
}
