package controller

import (
	"net/http"

	"latchkey/service/login"
	"latchkey/service/password"
	"latchkey/service/session"
)

type passwordBody struct {
	CurrentPassword string `json:"currentPassword"`
	NewPassword     string `json:"newPassword"`
}

// password handles POST /api/users/me/password. A trusted device gets a new token in the way in
// which it sent the old one. All other devices are no longer trusted.
func (s *server) password(c *call, who session.Live, body passwordBody) (reply, error) {
	device, err := s.Changes.Password(c.ctx(), login.PasswordChange{
		Owner: ownerOf(c, who, body.CurrentPassword), Next: password.New(body.NewPassword), Device: s.deviceToken(c.r),
	})
	out := reply{status: http.StatusNoContent}
	switch {
	case device == "":
	case c.r.Header.Get(deviceHeader) != "":
		out.header = map[string]string{deviceHeader: string(device)}
	default:
		out.cookies = []*http.Cookie{s.deviceCookie(device)}
	}
	return out, err
}

type strengthBody struct {
	Password string  `json:"password"`
	Username *string `json:"username"`
	Email    *string `json:"email"`
}

type strengthReply struct {
	Score      int     `json:"score"` // 0 to 4
	Guesses    float64 `json:"guesses"`
	Acceptable bool    `json:"acceptable"`
	Problem    string  `json:"problem,omitempty"`
}

// passwordStrength handles POST /api/users/password-strength, for signup forms.
func (s *server) passwordStrength(c *call, body strengthBody) (reply, error) {
	score, err := s.Strength.Score(c.ctx(), c.address, password.New(body.Password), text(body.Username), text(body.Email))
	if err != nil {
		return reply{}, err
	}
	return reply{body: strengthReply{
		Score: score.Value, Guesses: score.Guesses, Acceptable: score.Problem == "", Problem: score.Problem,
	}}, nil
}
