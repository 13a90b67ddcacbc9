package service

import (
	"cmp"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"latchkey/repository"
)

// RawToken is a JWT as it travels. It has a type of its own so that it cannot
// be stored where an id belongs, and it stays out of logs.
type RawToken string

// LogValue implements slog.LogValuer.
func (RawToken) LogValue() slog.Value { return slog.StringValue("REDACTED") }

// Subject is who an access token speaks for: a user, or a client on its own
// behalf.
type Subject struct {
	UserID    string // empty: a client
	SessionID string // empty: a token without a session
	ClientID  string
	TokenID   string
	Actor     string // who uses it in the user's place; empty: the user
	Privilege int
	Scope     string
	// Epoch is the user's SessionEpoch under which the login or refresh was
	// accepted; -1 where the token does not say.
	Epoch     int64
	AuthTime  time.Time // zero: nobody logged in for it
	ExpiresAt time.Time
}

// Tokens mints and verifies JWTs. It does no I/O and is safe for concurrent use.
type Tokens struct {
	*Verifier
	root RootKeys
	ttl  time.Duration
}

// NewTokens returns tokens of an issuer for an audience. Access tokens live for
// ttl less up to 5 %, so that those who logged in together do not refresh
// together.
func NewTokens(root RootKeys, keys KeySource, issuer, audience string, ttl time.Duration, clock *Clock) *Tokens {
	return &Tokens{Verifier: NewVerifier(keys, issuer, audience, clock.Leeway(), clock.Now), root: root, ttl: ttl}
}

// refreshToken is what a verified refresh token says.
type refreshToken struct {
	userID, sessionID, clientID string
	gen                         int64
	id                          repository.TokenID
	issuedAt, expiresAt         time.Time
}

// access mints an access token for a subject, and says when it expires. TokenID
// and ExpiresAt of the subject are set by it. An empty audience and a ttl of 0 are those of the
// settings.
func (t *Tokens) access(s Subject, audience string, amr []string, ttl time.Duration) (RawToken, time.Time, error) {
	ttl = cmp.Or(ttl, t.ttl)
	return t.accessFor(s, cmp.Or(audience, t.audience), amr, ttl-spread(ttl/20))
}

// Expired returns an access token that speaks for a subject and has just expired
// everywhere: for who wants to see what a client does then.
func (t *Tokens) Expired(s Subject) (RawToken, error) {
	raw, _, err := t.accessFor(s, t.audience, nil, -maxLeeway-time.Second)
	return raw, err
}

// accessFor is access with a lifetime to the second.
func (t *Tokens) accessFor(s Subject, audience string, amr []string, ttl time.Duration) (RawToken, time.Time, error) {
	now := t.now().UTC().Truncate(time.Second)
	exp := now.Add(ttl).Truncate(time.Second)
	c := claims{
		Issuer: t.issuer, Audience: audience, Subject: s.UserID, ClientID: s.ClientID, SessionID: s.SessionID,
		TokenID: string(newTokenID()), IssuedAt: now.Unix(), ExpiresAt: exp.Unix(), AMR: amr, Scope: s.Scope,
	}
	if !s.AuthTime.IsZero() {
		c.AuthTime = s.AuthTime.Unix()
	}
	if s.UserID == "" {
		c.Subject = s.ClientID
	} else {
		c.Privilege = &s.Privilege
		if s.Epoch != noEpoch && s.SessionID != "" {
			c.Epoch = &s.Epoch
		}
	}
	if s.Actor != "" {
		c.Act = &actor{s.Actor}
	}
	token, err := t.sign(UseAccess, c, now)
	return token, exp, err
}

// refresh mints a refresh token. The same members give the same bytes, while the
// same key is active, so that a token whose delivery failed can be delivered
// again.
func (t *Tokens) refresh(r refreshToken) (RawToken, error) {
	return t.sign(UseRefresh, claims{
		Issuer: t.issuer, Audience: t.issuer, Subject: r.userID, ClientID: r.clientID, SessionID: r.sessionID,
		TokenID: string(r.id), IssuedAt: r.issuedAt.Unix(), ExpiresAt: r.expiresAt.Unix(), Gen: &r.gen,
	}, t.now())
}

func (t *Tokens) sign(use KeyUse, c claims, now time.Time) (RawToken, error) {
	key, err := t.keys.KeySet().signer(use, now)
	if err != nil {
		return "", storeFailure("sign a token", err)
	}
	body, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	const dots, signatureSize = 2, 86 // of ES256 and EdDSA; more is rare
	token := make([]byte, 0, len(key.header)+b64.EncodedLen(len(body))+dots+signatureSize)
	token = append(append(token, key.header...), '.')
	token = b64.AppendEncode(token, body)
	signature, err := key.sign(token)
	if err != nil {
		return "", err
	}
	return RawToken(b64.AppendEncode(append(token, '.'), signature)), nil
}

// encodeHeader is the JOSE header of what a key signs (RFC 7515 4).
func encodeHeader(a Algorithm, kid, typ string) string {
	header, err := json.Marshal(struct {
		Alg Algorithm `json:"alg"`
		Kid string    `json:"kid"`
		Typ string    `json:"typ"`
	}{a, kid, typ})
	if err != nil {
		panic(err) // three strings
	}
	return b64.EncodeToString(header)
}

// verifyRefresh returns what a refresh token says, or refresh_malformed,
// refresh_invalid or refresh_expired. Nothing says that its session lives.
func (t *Tokens) verifyRefresh(raw RawToken) (refreshToken, error) {
	var c claims
	now := t.now()
	if err := t.verify(t.keys.KeySet(), raw, &c, UseRefresh, t.issuer, now, 0); err != nil {
		var known *Error
		switch {
		case errors.Is(err, errKeyOver):
			return refreshToken{}, refreshExpired()
		case errors.As(err, &known):
			return refreshToken{}, known
		case errors.Is(err, jwt.ErrTokenMalformed):
			return refreshToken{}, &Error{Code: CodeRefreshMalformed, Message: "The refresh token is not a JWT.", Err: err}
		}
		return refreshToken{}, invalidRefresh(err)
	}
	token, ok := c.refreshToken()
	switch {
	case !ok:
		return refreshToken{}, invalidRefresh(errors.New("a claim is missing"))
	case !now.Before(token.expiresAt):
		return refreshToken{}, refreshExpired()
	}
	return token, nil
}

func invalidRefresh(err error) error {
	return &Error{Code: CodeRefreshInvalid, Message: "The refresh token is not valid. Log in again.", Err: err}
}

func refreshExpired() error {
	return &Error{Code: CodeRefreshExpired, Message: "The session has expired. Log in again.", SessionOver: true}
}
