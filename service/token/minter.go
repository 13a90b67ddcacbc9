package token

import (
	"cmp"
	"errors"
	"log/slog"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"latchkey/repository"
	"latchkey/service"
	"latchkey/service/clock"
	"latchkey/service/keys"
	"latchkey/service/secret"
)

// Raw is an encoded JWT. It has its own type so that it cannot be stored as an ID by mistake, and
// it stays out of logs.
type Raw string

// LogValue implements slog.LogValuer.
func (Raw) LogValue() slog.Value { return slog.StringValue("REDACTED") }

// ClientAPI is the client_id of the JSON API's own sessions. OAuth clients cannot have it.
const ClientAPI = "latchkey"

// Subject is the subject of an access token: a user, or a client on its own behalf.
type Subject struct {
	UserID    string // empty: the subject is a client
	SessionID string // empty: a token without a session
	ClientID  string
	TokenID   string
	Actor     string // the user who acts as UserID; empty: no impersonation
	Privilege int
	Scope     string
	// Epoch is the user's SessionEpoch under which the login or refresh was accepted; NoEpoch: not
	// in the token.
	Epoch     int64
	AuthTime  time.Time // zero: the token does not result from a login
	Audience  string    // the first one
	IssuedAt  time.Time
	ExpiresAt time.Time
}

// NoEpoch is the Epoch of a subject whose access token lacks the claim because an earlier version
// issued it.
const NoEpoch = -1

// Minter mints and verifies JWTs. It does no I/O and is safe for concurrent use.
type Minter struct {
	*Verifier
	chain chain
	ttl   time.Duration
}

// NewMinter returns a Minter of tokens of an issuer for an audience. Access tokens live for ttl
// less up to 5 %, so that clients that logged in together do not refresh together.
func NewMinter(root secret.Root, keys KeySource, issuer, audience string, ttl time.Duration, clock *clock.Clock) *Minter {
	return &Minter{Verifier: NewVerifier(keys, issuer, audience, clock.Leeway(), clock.Now), chain: newChain(root), ttl: ttl}
}

// Refresh is the content of a verified refresh token.
type Refresh struct {
	repository.RefreshToken
	ClientID  string // the client to which it was issued
	ExpiresAt time.Time
}

// Audience returns the audience of the settings.
func (t *Minter) Audience() string { return t.audience }

// Issuer returns the issuer of the tokens.
func (t *Minter) Issuer() string { return t.issuer }

// AccessTTL returns the maximum lifetime of an access token, unless its client has another limit.
func (t *Minter) AccessTTL() time.Duration { return t.ttl }

// Lifetime returns the lifetime of a new access token: ttl less up to 5 %, so that clients that
// logged in together do not refresh together. A ttl of 0 means the ttl of the settings.
func (t *Minter) Lifetime(ttl time.Duration) time.Duration {
	ttl = cmp.Or(ttl, t.ttl)
	return ttl - clock.Spread(ttl/20)
}

// Expired returns an access token that has just expired for every verifier. It shows
// how a client reacts to the expiry.
func (t *Minter) Expired(s Subject) (Raw, error) {
	raw, _, err := t.MintAccess(s, "", nil, -keys.MaxLeeway-time.Second)
	return raw, err
}

// MintAccess returns an access token for a subject (RFC 9068 2) and its expiry. It sets the TokenID
// and the ExpiresAt of the subject. An empty audience means the audience of the settings.
func (t *Minter) MintAccess(s Subject, audience string, amr []string, ttl time.Duration) (Raw, time.Time, error) {
	now := t.now().UTC().Truncate(time.Second)
	exp := now.Add(ttl).Truncate(time.Second)
	c := Claims{
		Issuer: t.issuer, Audience: cmp.Or(audience, t.audience), Subject: s.UserID, ClientID: s.ClientID, SessionID: s.SessionID,
		TokenID: string(NewID()), IssuedAt: now.Unix(), ExpiresAt: exp.Unix(), AMR: amr, Scope: s.Scope,
	}
	if !s.AuthTime.IsZero() {
		c.AuthTime = s.AuthTime.Unix()
	}
	if s.UserID == "" {
		c.Subject = s.ClientID
	} else {
		c.Privilege = &s.Privilege
		if s.Epoch != NoEpoch && s.SessionID != "" {
			c.Epoch = &s.Epoch
		}
	}
	if s.Actor != "" {
		c.Act = &actor{s.Actor}
	}
	token, err := t.sign(keys.UseAccess, c, now)
	return token, exp, err
}

// MintRefresh returns a refresh token. The same content gives the same bytes while the same key is
// active, so that a token can be delivered again if its delivery failed.
func (t *Minter) MintRefresh(r Refresh) (Raw, error) {
	return t.sign(keys.UseRefresh, Claims{
		Issuer: t.issuer, Audience: t.issuer, Subject: r.UserID, ClientID: r.ClientID, SessionID: r.SessionID,
		TokenID: string(r.JTI), IssuedAt: r.IssuedAt.Unix(), ExpiresAt: r.ExpiresAt.Unix(), Gen: &r.Gen,
	}, t.now())
}

func (t *Minter) sign(use keys.Use, c Claims, now time.Time) (Raw, error) {
	token, err := t.keys.KeySet().Sign(use, c, now)
	if err != nil {
		return "", service.StoreFailure("sign a token", err)
	}
	return Raw(token), nil
}

// VerifyRefresh returns the content of a refresh token, or refresh_malformed, refresh_invalid or
// refresh_expired. It does not check that the session is live.
func (t *Minter) VerifyRefresh(raw Raw) (Refresh, error) {
	var c Claims
	now := t.now()
	if err := t.verify(t.keys.KeySet(), raw, &c, keys.UseRefresh, t.issuer, now, 0); err != nil {
		var known *service.Error
		switch {
		case errors.Is(err, keys.ErrOver):
			return Refresh{}, service.RefreshExpired()
		case errors.As(err, &known):
			return Refresh{}, known
		case errors.Is(err, jwt.ErrTokenMalformed):
			return Refresh{}, &service.Error{Code: service.CodeRefreshMalformed, Message: "The refresh token is not a JWT.", Err: err}
		}
		return Refresh{}, service.InvalidRefresh(err)
	}
	token, ok := c.refreshToken()
	switch {
	case !ok:
		return Refresh{}, service.InvalidRefresh(errors.New("a claim is missing"))
	case !now.Before(token.ExpiresAt):
		return Refresh{}, service.RefreshExpired()
	}
	return token, nil
}
