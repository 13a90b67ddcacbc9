package controller

import (
	"net/http"

	"latchkey/middleware/access"
	"latchkey/service"
)

type passwordBody struct {
	CurrentPassword string `json:"currentPassword"`
	NewPassword     string `json:"newPassword"`
}

// password is POST /api/users/me/password.
func (s *server) password(c *call, body passwordBody) (reply, error) {
	who, _ := access.Subject(c.ctx())
	current, next := service.NewPassword(body.CurrentPassword), service.NewPassword(body.NewPassword)
	return reply{status: http.StatusNoContent}, s.Passwords.Change(c.ctx(), who, current, next, c.from())
}
