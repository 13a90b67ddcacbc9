package token

import (
	"time"

	"latchkey/repository"
	"latchkey/service/jose"
)

// Claims are those of RFC 9068 2.2 and our own, of both kinds of token. The
// times are seconds since 1970; 0 is a claim that is not there.
type Claims struct {
	Issuer    string `json:"iss"`
	Audience  string `json:"aud"` // of tokens that we make: one, as a string
	Subject   string `json:"sub"`
	ClientID  string `json:"client_id"`
	SessionID string `json:"sid,omitempty"`
	TokenID   string `json:"jti"`
	IssuedAt  int64  `json:"iat"`
	NotBefore int64  `json:"nbf,omitempty"`
	ExpiresAt int64  `json:"exp"`

	audiences []string // of tokens that we read

	// Of access tokens.
	AuthTime  int64    `json:"auth_time,omitempty"`
	AMR       []string `json:"amr,omitempty"`
	Privilege *int     `json:"privilege,omitempty"`
	Scope     string   `json:"scope,omitempty"`
	Act       *actor   `json:"act,omitempty"`
	Epoch     *int64   `json:"epoch,omitempty"`

	// Of refresh tokens.
	Gen *int64 `json:"gen,omitempty"`
}

// actor is who uses a token that speaks for another (RFC 8693 4.1).
type actor struct {
	Subject string `json:"sub"`
}

func (a *actor) member(name, value []byte) (err error) {
	switch {
	case string(name) == "sub":
		a.Subject, err = jose.Text(value)
	case !jose.LowerCase(name):
		err = jose.ErrCase
	}
	return err
}

// member reads one claim. Those that are not ours are ignored.
func (c *Claims) member(name, value []byte) (err error) {
	switch string(name) {
	case "iss":
		c.Issuer, err = jose.Text(value)
	case "aud":
		c.audiences, err = jose.Texts(value)
	case "sub":
		c.Subject, err = jose.Text(value)
	case "client_id":
		c.ClientID, err = jose.Text(value)
	case "sid":
		c.SessionID, err = jose.Text(value)
	case "jti":
		c.TokenID, err = jose.Text(value)
	case "scope":
		c.Scope, err = jose.Text(value)
	case "exp":
		c.ExpiresAt, err = jose.WholeNumber(value)
	case "iat":
		c.IssuedAt, err = jose.WholeNumber(value)
	case "nbf":
		c.NotBefore, err = jose.WholeNumber(value)
	case "auth_time":
		c.AuthTime, err = jose.WholeNumber(value)
	case "gen":
		n, bad := jose.WholeNumber(value)
		c.Gen, err = &n, bad
	case "epoch":
		n, bad := jose.WholeNumber(value)
		c.Epoch, err = &n, bad
	case "privilege":
		n, bad := jose.WholeNumber(value)
		privilege := int(n)
		c.Privilege, err = &privilege, bad
	case "act":
		c.Act = &actor{}
		err = jose.Walk(value, c.Act.member)
	default:
		if !jose.LowerCase(name) {
			err = jose.ErrCase
		}
	}
	return err
}

// subject is whom the claims of an access token speak for.
func (c *Claims) subject() Subject {
	s := Subject{
		UserID: c.Subject, SessionID: c.SessionID, ClientID: c.ClientID, TokenID: c.TokenID,
		Scope: c.Scope, Epoch: NoEpoch, AuthTime: seconds(c.AuthTime), IssuedAt: seconds(c.IssuedAt), ExpiresAt: seconds(c.ExpiresAt),
	}
	if c.Subject == c.ClientID { // RFC 9068 2.2: a client on its own behalf
		s.UserID = ""
	}
	if c.Privilege != nil {
		s.Privilege = *c.Privilege
	}
	if c.Epoch != nil {
		s.Epoch = *c.Epoch
	}
	if c.Act != nil {
		s.Actor = c.Act.Subject
	}
	if len(c.audiences) > 0 {
		s.Audience = c.audiences[0]
	}
	return s
}

// Refresh is what the claims of a refresh token say.
func (c *Claims) refreshToken() (Refresh, bool) {
	if c.Gen == nil || c.SessionID == "" {
		return Refresh{}, false
	}
	return Refresh{
		UserID: c.Subject, SessionID: c.SessionID, ClientID: c.ClientID, Gen: *c.Gen, ID: repository.TokenID(c.TokenID),
		IssuedAt: seconds(c.IssuedAt), ExpiresAt: seconds(c.ExpiresAt),
	}, true
}

func seconds(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(n, 0).UTC()
}
