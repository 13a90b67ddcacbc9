package controller

import "latchkey/middleware/access"

// tokenFor is POST /api/users/{id}/token.
func (s *server) tokenFor(c *call, _ empty) (reply, error) {
	by, _ := access.Subject(c.ctx())
	raw, exp, err := s.Accounts.TokenFor(c.ctx(), s.Tokens, c.param("id"), by, c.from())
	if err != nil {
		return reply{}, err
	}
	return reply{body: accessReply{string(raw), iso(exp)}}, nil
}
