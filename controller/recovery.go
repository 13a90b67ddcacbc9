package controller

import (
	"net/http"

	"latchkey/internal/catalog"
	"latchkey/service/link"
	"latchkey/service/password"
	"latchkey/service/session"
)

// The paths of the flows of one-time links, below the path of users. GET shows a page, POST with JSON
// is the API, and POST with a form is the page's button.
const (
	usersPath  = "/users"
	VerifyPath = usersPath + "/verify-email"
	ForgotPath = usersPath + "/forgot-password"
	ResetPath  = usersPath + "/reset-password"
	UndoPath   = usersPath + "/undo-email"
)

type verifyBody struct {
	Token    string  `json:"token"`
	Password *string `json:"password"` // of a concealed signup
}

// verifyEmail handles POST /api/users/verify-email.
func (s *server) verifyEmail(c *call, body verifyBody) (reply, error) {
	return noContent(s.Recovery.Verify(c.ctx(), link.Token(body.Token), password.New(text(body.Password)), c.from()))
}

type forgotBody struct {
	Email  string  `json:"email"`
	Locale *string `json:"locale"`
}

// forgotPassword handles POST /api/users/forgot-password.
func (s *server) forgotPassword(c *call, body forgotBody) (reply, error) {
	if err := s.Recovery.Forgot(c.ctx(), body.Email, localeOf(text(body.Locale), c.r), c.from()); err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusAccepted}, nil
}

// localeOf returns the locale that a client asked for, or the locale of its browser.
func localeOf(chosen string, r *http.Request) string {
	if chosen != "" {
		return chosen
	}
	return catalog.Match(r.Header.Get("Accept-Language"))
}

type newPasswordBody struct {
	Token       string `json:"token"`
	NewPassword string `json:"newPassword"`
}

// resetPassword handles POST /api/users/reset-password.
func (s *server) resetPassword(c *call, body newPasswordBody) (reply, error) {
	return noContent(s.Recovery.Reset(c.ctx(), link.Token(body.Token), password.New(body.NewPassword), c.from()))
}

// undoEmail handles POST /api/users/undo-email.
func (s *server) undoEmail(c *call, body newPasswordBody) (reply, error) {
	return noContent(s.Recovery.Undo(c.ctx(), link.Token(body.Token), password.New(body.NewPassword), c.from()))
}

// sendVerification handles POST /api/users/me/verify-email.
func (s *server) sendVerification(c *call, who session.Live, _ empty) (reply, error) {
	if err := s.Recovery.SendVerification(c.ctx(), who, c.from()); err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusAccepted}, nil
}

type resetLinkBody struct {
	Link      string  `json:"link"`
	ExpiresAt isoTime `json:"expiresAt"`
}

// sendReset handles POST /api/users/{id}/reset-password.
func (s *server) sendReset(c *call, who session.Live, _ empty) (reply, error) {
	issued, err := s.Recovery.SendReset(c.ctx(), c.param("id"), who.Caller(), c.from())
	switch {
	case err != nil:
		return reply{}, err
	case issued.URL == "":
		return reply{status: http.StatusAccepted}, nil
	}
	return reply{body: resetLinkBody{Link: issued.URL, ExpiresAt: iso(issued.ExpiresAt)}}, nil
}

// noContent is the reply of a flow that has no answer but its success.
func noContent(err error) (reply, error) {
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusNoContent}, nil
}
