package controller

import (
	"latchkey/service/session"
)

// impersonate handles POST /api/users/{id}/token.
func (s *server) impersonate(c *call, by session.Live, _ empty) (reply, error) {
	raw, exp, err := s.Accounts.Impersonate(c.ctx(), s.Tokens, c.param("id"), by.Caller(), c.from())
	if err != nil {
		return reply{}, err
	}
	return reply{body: accessReply{string(raw), iso(exp)}}, nil
}
