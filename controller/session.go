package controller

import (
	"net/http"

	"latchkey/service/session"
)

// sessionBody is a session as shown to its user.
type sessionBody struct {
	ID         string  `json:"id"`
	CreatedAt  isoTime `json:"createdAt"`
	LastUsedAt isoTime `json:"lastUsedAt"`
	ExpiresAt  isoTime `json:"expiresAt"`
	Address    string  `json:"address"`
	Agent      string  `json:"agent"`
	ClientID   string  `json:"clientId"` // latchkey: a login to this API
	Current    bool    `json:"current"`
}

// sessions handles GET /api/users/me/sessions.
func (s *server) sessions(c *call, who session.Live, _ empty) (reply, error) {
	devices, err := s.Sessions.ListOwn(c.ctx(), who)
	if err != nil {
		return reply{}, err
	}
	return reply{body: sessionsOf(devices, who.SessionID)}, nil
}

type sessionsBody struct {
	Sessions []sessionBody `json:"sessions"`
}

// sessionsOf shows sessions to the caller with the session current.
func sessionsOf(sessions []session.Session, current string) sessionsBody {
	body := sessionsBody{make([]sessionBody, len(sessions))}
	for i, d := range sessions {
		body.Sessions[i] = sessionBody{
			ID: d.ID, CreatedAt: iso(d.CreatedAt), LastUsedAt: iso(d.UsedAt), ExpiresAt: iso(d.ExpiresAt),
			Address: d.Address, Agent: d.Agent, ClientID: d.ClientID, Current: d.ID == current,
		}
	}
	return body
}

// revokeSession handles DELETE /api/users/me/sessions/{id}.
func (s *server) revokeSession(c *call, who session.Live, _ empty) (reply, error) {
	id := c.param("id")
	if err := s.Sessions.RevokeOwn(c.ctx(), who, id, c.from()); err != nil {
		return reply{}, err
	}
	out := reply{status: http.StatusNoContent}
	// The cookies of another session stay, because that session continues.
	if id == who.SessionID {
		out.cookies = s.clearOwn(c.r)
	}
	return out, nil
}

// revokeOtherSessions handles DELETE /api/users/me/sessions.
func (s *server) revokeOtherSessions(c *call, who session.Live, _ empty) (reply, error) {
	return reply{status: http.StatusNoContent}, s.Sessions.RevokeOthers(c.ctx(), who, c.from())
}
