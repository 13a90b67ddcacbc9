package token

import (
	"time"

	"latchkey/repository"
	"latchkey/service/jose"
)

// Claims are the claims of both kinds of token: the claims of RFC 9068 2.2 and our own. Times are
// seconds since 1970. 0 means that the claim is absent.
type Claims struct {
	Issuer    string `json:"iss"`
	Audience  string `json:"aud"` // in tokens that we issue: one audience, as a string
	Subject   string `json:"sub"`
	ClientID  string `json:"client_id"`
	SessionID string `json:"sid,omitempty"`
	TokenID   string `json:"jti"`
	IssuedAt  int64  `json:"iat"`
	NotBefore int64  `json:"nbf,omitempty"`
	ExpiresAt int64  `json:"exp"`

	audiences []string // in tokens that we parse

	// Claims of access tokens.
	AuthTime  int64    `json:"auth_time,omitempty"`
	AMR       []string `json:"amr,omitempty"`
	Privilege *int     `json:"privilege,omitempty"`
	Scope     string   `json:"scope,omitempty"`
	Act       *actor   `json:"act,omitempty"`
	Epoch     *int64   `json:"epoch,omitempty"`

	// Claims of refresh tokens.
	Gen *int64 `json:"gen,omitempty"`
}

// actor is the party that acts as the subject of a token (RFC 8693 4.1).
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

// member parses one claim. It ignores unknown claims.
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

// subject returns the subject of an access token with these claims.
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

// refreshToken returns the content of a refresh token with these claims. It returns false if a
// claim is missing or invalid.
func (c *Claims) refreshToken() (Refresh, bool) {
	if c.Gen == nil || c.SessionID == "" {
		return Refresh{}, false
	}
	return Refresh{
		RefreshToken: repository.RefreshToken{UserID: c.Subject, SessionID: c.SessionID, Gen: *c.Gen, JTI: repository.TokenID(c.TokenID), IssuedAt: seconds(c.IssuedAt)},
		ClientID:     c.ClientID, ExpiresAt: seconds(c.ExpiresAt),
	}, true
}

func seconds(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(n, 0).UTC()
}
