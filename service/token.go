package service

import (
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"latchkey/repository"
)

// RawToken is a JWT as it travels. It has a type of its own so that it cannot
// be stored where an id belongs, and it stays out of logs.
type RawToken string

// LogValue implements slog.LogValuer.
func (RawToken) LogValue() slog.Value { return slog.StringValue("REDACTED") }

const (
	typeAccess  = "at+jwt" // RFC 9068 2.1
	typeRefresh = "rt+jwt"
	// leeway is how far the clocks of those who verify access tokens may be
	// apart. Refresh tokens are verified by those who mint them: none.
	leeway = 60 * time.Second
)

// Subject is who an access token speaks for.
type Subject struct {
	UserID    string
	SessionID string // empty for a token without a session
	ClientID  string
	TokenID   string
	Privilege int
	Scope     string
	AuthTime  time.Time
	ExpiresAt time.Time
}

// Tokens mints and verifies JWTs. It does no I/O and is safe for concurrent use.
type Tokens struct {
	keys     Keys
	issuer   string
	audience string
	ttl      time.Duration
	now      func() time.Time
	parser   *jwt.Parser
}

// NewTokens returns tokens of an issuer for an audience. Access tokens live for
// ttl less up to 5 %, so that those who logged in together do not refresh
// together.
func NewTokens(keys Keys, issuer, audience string, ttl time.Duration, now func() time.Time) *Tokens {
	return &Tokens{
		keys: keys, issuer: issuer, audience: audience, ttl: ttl, now: now,
		parser: jwt.NewParser(jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Name}),
			jwt.WithStrictDecoding(), jwt.WithoutClaimsValidation()),
	}
}

// accessClaims are those of RFC 9068 2.2, and privilege.
type accessClaims struct {
	jwt.RegisteredClaims
	ClientID  string   `json:"client_id"`
	SessionID string   `json:"sid,omitempty"`
	AuthTime  int64    `json:"auth_time"`
	AMR       []string `json:"amr,omitempty"`
	Privilege int      `json:"privilege"`
	Scope     string   `json:"scope,omitempty"`
}

type refreshClaims struct {
	jwt.RegisteredClaims
	SessionID string `json:"sid"`
	Gen       int64  `json:"gen"`
	ClientID  string `json:"client_id"`
}

// refreshToken is what a verified refresh token says.
type refreshToken struct {
	userID, sessionID, clientID string
	gen                         int64
	id                          repository.TokenID
	issuedAt, expiresAt         time.Time
}

// access mints an access token for a subject, and says when it expires. TokenID
// and ExpiresAt of the subject are set by it.
func (t *Tokens) access(s Subject, amr []string) (RawToken, time.Time, error) {
	now := t.now().UTC().Truncate(time.Second)
	exp := now.Add(t.ttl - spread(t.ttl/20)).Truncate(time.Second)
	token, err := sign(t.keys.access, typeAccess, &accessClaims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: t.issuer, Audience: jwt.ClaimStrings{t.audience}, Subject: s.UserID, ID: string(newTokenID()),
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(exp),
		},
		ClientID: s.ClientID, SessionID: s.SessionID, AuthTime: s.AuthTime.Unix(), AMR: amr,
		Privilege: s.Privilege, Scope: s.Scope,
	})
	return token, exp, err
}

// refresh mints a refresh token. The same members give the same bytes, so that
// a token whose delivery failed can be delivered again.
func (t *Tokens) refresh(r refreshToken) (RawToken, error) {
	return sign(t.keys.refresh, typeRefresh, &refreshClaims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: t.issuer, Audience: jwt.ClaimStrings{t.issuer}, Subject: r.userID, ID: string(r.id),
			IssuedAt: jwt.NewNumericDate(r.issuedAt), ExpiresAt: jwt.NewNumericDate(r.expiresAt),
		},
		SessionID: r.sessionID, Gen: r.gen, ClientID: r.clientID,
	})
}

func sign(key signingKey, typ string, claims jwt.Claims) (RawToken, error) {
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, claims)
	token.Header["typ"], token.Header["kid"] = typ, key.id
	signed, err := token.SignedString(key.secret)
	return RawToken(signed), err
}

// VerifyAccess returns whom an access token speaks for, or token_malformed,
// token_invalid or token_expired.
func (t *Tokens) VerifyAccess(raw RawToken) (Subject, error) {
	return t.verifyAccess(raw, 0)
}

// VerifyLateAccess is VerifyAccess for logging out, which must also work once
// the token has expired, for so long.
func (t *Tokens) VerifyLateAccess(raw RawToken, late time.Duration) (Subject, error) {
	return t.verifyAccess(raw, late)
}

func (t *Tokens) verifyAccess(raw RawToken, late time.Duration) (Subject, error) {
	var c accessClaims
	if err := t.parse(raw, &c, typeAccess, t.keys.access); err != nil {
		if errors.Is(err, jwt.ErrTokenMalformed) {
			return Subject{}, &Error{Code: CodeTokenMalformed, Message: "The access token is not a JWT.", Err: err}
		}
		return Subject{}, invalidAccess(err)
	}
	if err := t.check(c.RegisteredClaims, t.audience); err != nil {
		return Subject{}, invalidAccess(err)
	}
	if !t.now().Before(c.ExpiresAt.Add(leeway + late)) {
		return Subject{}, NewError(CodeTokenExpired, "The access token has expired. Refresh it and try again.")
	}
	return Subject{
		UserID: c.Subject, SessionID: c.SessionID, ClientID: c.ClientID, TokenID: c.ID, Privilege: c.Privilege,
		Scope: c.Scope, AuthTime: time.Unix(c.AuthTime, 0).UTC(), ExpiresAt: c.ExpiresAt.UTC(),
	}, nil
}

// verifyRefresh returns what a refresh token says, or refresh_malformed,
// refresh_invalid or refresh_expired. Nothing says that its session lives.
func (t *Tokens) verifyRefresh(raw RawToken) (refreshToken, error) {
	var c refreshClaims
	if err := t.parse(raw, &c, typeRefresh, t.keys.refresh); err != nil {
		if errors.Is(err, jwt.ErrTokenMalformed) {
			return refreshToken{}, &Error{Code: CodeRefreshMalformed, Message: "The refresh token is not a JWT.", Err: err}
		}
		return refreshToken{}, invalidRefresh(err)
	}
	if err := t.check(c.RegisteredClaims, t.issuer); err != nil {
		return refreshToken{}, invalidRefresh(err)
	}
	if !t.now().Before(c.ExpiresAt.Time) {
		return refreshToken{}, refreshExpired()
	}
	return refreshToken{
		userID: c.Subject, sessionID: c.SessionID, clientID: c.ClientID, gen: c.Gen, id: repository.TokenID(c.ID),
		issuedAt: c.IssuedAt.UTC(), expiresAt: c.ExpiresAt.UTC(),
	}, nil
}

// parse checks the form, the header and the signature.
func (t *Tokens) parse(raw RawToken, claims jwt.Claims, typ string, key signingKey) error {
	if err := checkForm(string(raw)); err != nil {
		return err
	}
	_, err := t.parser.ParseWithClaims(string(raw), claims, func(token *jwt.Token) (any, error) {
		if token.Header["typ"] != typ || token.Header["kid"] != key.id {
			return nil, errors.New("header is not that of this kind of token")
		}
		return key.secret, nil
	})
	return err
}

// check checks every claim that both kinds have, but for exp, which must exist.
func (t *Tokens) check(c jwt.RegisteredClaims, audience string) error {
	ahead := t.now().Add(leeway)
	switch {
	case c.Issuer != t.issuer:
		return errors.New("another issuer")
	case !slices.Contains(c.Audience, audience):
		return errors.New("another audience")
	case c.Subject == "" || c.ID == "" || c.ExpiresAt == nil || c.IssuedAt == nil:
		return errors.New("a claim is missing")
	case c.IssuedAt.After(ahead), c.NotBefore != nil && c.NotBefore.After(ahead):
		return errors.New("from the future")
	}
	return nil
}

func invalidAccess(err error) error {
	return &Error{Code: CodeTokenInvalid, Message: "The access token is not one of ours.", Err: err}
}

func invalidRefresh(err error) error {
	return &Error{Code: CodeRefreshInvalid, Message: "The refresh token is not valid. Log in again.", Err: err}
}

func refreshExpired() error {
	return &Error{Code: CodeRefreshExpired, Message: "The session has expired. Log in again.", SessionOver: true}
}
