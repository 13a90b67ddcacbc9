package controller

import (
	"net/http"

	"latchkey/middleware/access"
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
}

func userOf(a account.Account) userBody {
	return userBody{
		ID: a.ID, Username: a.Username, Email: a.Email, Privilege: a.Privilege,
		CreatedAt: iso(a.CreatedAt), UpdatedAt: iso(a.UpdatedAt),
	}
}

type signUpBody struct {
	Username  string `json:"username"`
	Email     string `json:"email"`
	Password  string `json:"password"`
	Privilege *int   `json:"privilege"`
}

// signUp handles POST /api/users.
func (s *server) signUp(c *call, body signUpBody) (reply, error) {
	n := account.Registration{
		Username: body.Username, Email: body.Email, Password: password.New(body.Password), From: c.from(),
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
	return reply{
		status: http.StatusCreated, body: userOf(made), location: s.path(s.BasePath + "/users/" + made.ID),
	}, nil
}

// me handles GET /api/users/me.
func (s *server) me(_ *call, who session.Live, _ empty) (reply, error) {
	return reply{body: userOf(who.Account())}, nil
}

type changeMeBody struct {
	Username        string `json:"username"`
	CurrentPassword string `json:"currentPassword"`
}

// changeMe handles PATCH /api/users/me.
func (s *server) changeMe(c *call, who session.Live, body changeMeBody) (reply, error) {
	changed, err := s.Changes.Username(c.ctx(), ownerOf(c, who, body.CurrentPassword), body.Username)
	if err != nil {
		return reply{}, err
	}
	return reply{body: userOf(changed)}, nil
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
