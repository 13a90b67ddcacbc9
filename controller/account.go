package controller

import (
	"net/http"

	"latchkey/middleware/access"
	"latchkey/service"
	"latchkey/service/account"
	"latchkey/service/login"
	"latchkey/service/password"
	"latchkey/service/session"
)

// userBody is a user as shown to every caller who may see the user. It is an allow-list of
// fields.
type userBody struct {
	ID        string  `json:"id"`
	Username  string  `json:"username"`
	Email     string  `json:"email"`
	Privilege int     `json:"privilege"`
	CreatedAt isoTime `json:"createdAt"`
	UpdatedAt isoTime `json:"updatedAt"`

	EmailVerified bool   `json:"emailVerified"`
	Locale        string `json:"locale"`
	// PendingEmail is the address that the account gets when the user confirms it.
	PendingEmail string `json:"pendingEmail,omitempty"`
	// ResetLinkIssuedAt is when an administrator last received a link that resets the password.
	ResetLinkIssuedAt isoTime `json:"resetLinkIssuedAt,omitempty"`
}

func userOf(a account.Account) userBody {
	body := userBody{
		ID: a.ID, Username: a.Username, Email: a.Email, Privilege: a.Privilege,
		CreatedAt: iso(a.CreatedAt), UpdatedAt: iso(a.UpdatedAt), EmailVerified: a.EmailVerified, Locale: a.Locale,
	}
	if !a.ResetLinkIssuedAt.IsZero() {
		body.ResetLinkIssuedAt = iso(a.ResetLinkIssuedAt)
	}
	return body
}

type signUpBody struct {
	Username  string  `json:"username"`
	Email     string  `json:"email"`
	Password  string  `json:"password"`
	Privilege *int    `json:"privilege"`
	Locale    *string `json:"locale"`
}

// signUp handles POST /api/users.
func (s *server) signUp(c *call, body signUpBody) (reply, error) {
	n := account.Registration{
		Username: body.Username, Email: body.Email, Password: password.New(body.Password), Locale: localeOf(text(body.Locale), c.r), From: c.from(),
	}
	if body.Privilege != nil {
		n.Privilege = *body.Privilege
	}
	var by account.Caller
	if subject, ok := access.FromContext(c.ctx()); ok {
		if err := own(subject, s.Now()); err != nil {
			return reply{}, err
		}
		if subject.Privilege >= account.PrivilegeAdministrator { // otherwise the request needs no privilege beyond the privilege of any client
			live, err := s.Sessions.State(c.ctx(), subject)
			if err != nil {
				return s.ended(c.r, err)
			}
			by = live.Caller()
		}
	}
	made, err := s.Accounts.SignUp(c.ctx(), n, by)
	if err != nil {
		return reply{}, err
	}
	if made.ID == "" { // created when the address is verified
		return reply{status: http.StatusAccepted}, nil
	}
	return reply{
		status: http.StatusCreated, body: userOf(made), location: s.path(s.BasePath + "/users/" + made.ID),
	}, nil
}

// me handles GET /api/users/me.
func (s *server) me(_ *call, who session.Live, _ empty) (reply, error) {
	return reply{body: userOf(who.Account())}, nil
}

type changeMeBody struct {
	Username        *string `json:"username"`
	Email           *string `json:"email"`
	Locale          *string `json:"locale"`
	CurrentPassword *string `json:"currentPassword"`
}

// changeMe handles PATCH /api/users/me. A new address is pending until it is confirmed: 202.
func (s *server) changeMe(c *call, who session.Live, body changeMeBody) (reply, error) {
	if body.CurrentPassword == nil && (body.Username != nil || body.Email != nil) {
		return reply{}, service.FieldError(service.CodeInvalidRequest, "currentPassword", "is missing")
	}
	changed, err := s.Changes.Profile(c.ctx(), login.ProfileChange{
		Owner:    ownerOf(c, who, text(body.CurrentPassword)),
		Username: text(body.Username), Email: text(body.Email), Locale: text(body.Locale),
	})
	if err != nil {
		return reply{}, err
	}
	user := userOf(changed.Account)
	if user.PendingEmail = changed.PendingEmail; user.PendingEmail != "" {
		return reply{status: http.StatusAccepted, body: user}, nil
	}
	return reply{body: user}, nil
}

type deleteMeBody struct {
	CurrentPassword string `json:"currentPassword"`
}

// deleteMe handles DELETE /api/users/me.
func (s *server) deleteMe(c *call, who session.Live, body deleteMeBody) (reply, error) {
	if err := s.Changes.Delete(c.ctx(), ownerOf(c, who, body.CurrentPassword)); err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusNoContent, cookies: s.clearOwn(c.r)}, nil
}

// ownerOf returns the owner of an account who confirms a change with the current password.
func ownerOf(c *call, who session.Live, current string) login.Owner {
	return login.Owner{Who: who, Current: password.New(current), From: c.from()}
}
