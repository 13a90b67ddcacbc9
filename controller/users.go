package controller

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"latchkey/service"
	"latchkey/service/directory"
	"latchkey/service/session"
)

// userRecordBody is a user as shown to managers and administrators.
type userRecordBody struct {
	userBody

	Disabled       bool   `json:"disabled"`
	DisabledReason string `json:"disabledReason"`
}

func userRecordOf(u directory.User) userRecordBody {
	return userRecordBody{userBody: userOf(u.Account), Disabled: u.Disabled, DisabledReason: u.DisabledReason}
}

// userReply shows a user with the version of this state (RFC 9110 8.8.3).
func userReply(u directory.User) reply {
	return reply{body: userRecordOf(u), header: map[string]string{"ETag": `"` + string(u.Version) + `"`}}
}

type userPageBody struct {
	Items  []userRecordBody `json:"items"`
	Cursor string           `json:"cursor,omitempty"`
}

// users handles GET /api/users.
func (s *server) users(c *call, _ session.Live, _ empty) (reply, error) {
	q, err := userQuery(c.r.URL)
	if err != nil {
		return reply{}, err
	}
	page, err := s.Directory.List(c.ctx(), q)
	if err != nil {
		return reply{}, err
	}
	body := userPageBody{Items: make([]userRecordBody, len(page.Users)), Cursor: page.Cursor}
	for i, u := range page.Users {
		body.Items[i] = userRecordOf(u)
	}
	return reply{body: body}, nil
}

// userQuery returns the query in a URL.
func userQuery(u *url.URL) (q directory.Query, err error) {
	return q, parameters(u, map[string]parameter{
		"query":         textParameter(&q.Text),
		"privilege":     parsed(&q.Privilege, optional(strconv.Atoi), "must be 0, 1 or 2"),
		"disabled":      parsed(&q.Disabled, optional(boolean), "must be true or false"),
		"verified":      parsed(&q.Verified, optional(boolean), "must be true or false"),
		"created_after": parsed(&q.CreatedAfter, moment, notATime),
		"limit":         parsed(&q.Limit, positive, "must be 1 to "+strconv.Itoa(directory.MaxLimit)),
		"cursor":        textParameter(&q.Cursor),
	})
}

// user handles GET /api/users/{id}.
func (s *server) user(c *call, _ session.Live, _ empty) (reply, error) {
	u, err := s.Directory.Find(c.ctx(), c.param("id"))
	if err != nil {
		return reply{}, err
	}
	return userReply(u), nil
}

type userWish struct {
	Username       *string `json:"username"`
	Email          *string `json:"email"`
	Privilege      *int    `json:"privilege"`
	Disabled       *bool   `json:"disabled"`
	DisabledReason *string `json:"disabledReason"`
	EmailVerified  *bool   `json:"emailVerified"`
	Locale         *string `json:"locale"`
}

// changeUser handles PATCH /api/users/{id}.
func (s *server) changeUser(c *call, by session.Live, wish userWish) (reply, error) {
	was, err := ifMatch(c.r)
	if err != nil {
		return reply{}, err
	}
	u, err := s.Directory.Change(c.ctx(), c.param("id"), directory.Change{
		Was: was, Username: wish.Username, Email: wish.Email, Privilege: wish.Privilege, Disabled: wish.Disabled,
		DisabledReason: wish.DisabledReason, Verified: wish.EmailVerified, Locale: wish.Locale,
	}, by.Caller(), c.from())
	if err != nil {
		return reply{}, err
	}
	return userReply(u), nil
}

// deleteUser handles DELETE /api/users/{id}.
func (s *server) deleteUser(c *call, by session.Live, _ empty) (reply, error) {
	was, err := ifMatch(c.r)
	if err != nil {
		return reply{}, err
	}
	return noContent(s.Directory.Remove(c.ctx(), c.param("id"), was, by.Caller(), c.from()))
}

// ifMatch returns the version in the header If-Match (RFC 9110 13.1.1); empty: any. A weak tag counts as
// its strong one, because proxies that compress a response weaken its tag, and the tag identifies the
// state of the user and not the bytes of a response.
func ifMatch(r *http.Request) (directory.Version, error) {
	text := strings.Join(r.Header.Values("If-Match"), ",")
	if text == "" || text == "*" {
		return "", nil
	}
	tag, quoted := strings.CutPrefix(strings.TrimPrefix(text, "W/"), `"`)
	tag, closed := strings.CutSuffix(tag, `"`)
	if !quoted || !closed || tag == "" || strings.Contains(tag, `"`) {
		return "", service.NewError(service.CodeInvalidRequest, `The header If-Match must be one ETag of the account, with its quotes, or *.`)
	}
	return directory.Version(tag), nil
}

// sessionsOfUser handles GET /api/users/{id}/sessions.
func (s *server) sessionsOfUser(c *call, who session.Live, _ empty) (reply, error) {
	sessions, err := s.Sessions.List(c.ctx(), c.param("id"))
	if err != nil {
		return reply{}, err
	}
	return reply{body: sessionsOf(sessions, who.SessionID)}, nil
}

// revokeSessionOfUser handles DELETE /api/users/{id}/sessions/{sid}.
func (s *server) revokeSessionOfUser(c *call, by session.Live, _ empty) (reply, error) {
	return noContent(s.Sessions.Revoke(c.ctx(), c.param("id"), c.param("sid"), by.Caller(), c.from()))
}

// revokeSessionsOfUser handles DELETE /api/users/{id}/sessions.
func (s *server) revokeSessionsOfUser(c *call, by session.Live, _ empty) (reply, error) {
	return noContent(s.Sessions.RevokeAll(c.ctx(), c.param("id"), by.Caller(), c.from()))
}
