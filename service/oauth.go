package service

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"latchkey/repository"
)

// OAuth gives tokens to clients (RFC 6749), out of the same sessions as the JSON
// API's. Each grant goes through the same steps: the client proves who it is
// (Clients.Authenticate), may use this grant, and asks for a scope that it may
// have; then comes what is the grant's own.
type OAuth struct {
	store    repository.Store
	login    *Login
	sessions *Sessions
	tokens   *Tokens
	audit    *AuditLog
	clock    *Clock
	log      *slog.Logger
}

// NewOAuth returns the token endpoint's rules.
func NewOAuth(store repository.Store, login *Login, sessions *Sessions, tokens *Tokens, clock *Clock, audit *AuditLog, log *slog.Logger) *OAuth {
	return &OAuth{store: store, login: login, sessions: sessions, tokens: tokens, clock: clock, audit: audit, log: log}
}

// TokenRequest is what a client asks of the token endpoint, by one grant. Members
// that the grant does not know are empty.
type TokenRequest struct {
	Client    AuthenticatedClient
	GrantType string
	Scope     string

	Username string
	Password Password

	RefreshToken RawToken

	Code         string
	RedirectURI  string
	CodeVerifier string

	// Resource is what the access token is to be for (RFC 8707 2); empty: the client's
	// first audience.
	Resource string

	Device DeviceToken // of a password
	From   Origin
}

// Issued are the tokens that a client gets.
type Issued struct {
	Access  RawToken
	Expires time.Time
	Refresh RawToken // empty: none
	Scope   string
	Device  DeviceToken // where a password was shown
}

// Token answers the token endpoint. Unsupported_grant_type, unauthorized_client,
// invalid_scope, invalid_grant; invalid_credentials, account_disabled and the
// refusals of a refresh are invalid_grant to an OAuth client.
func (o *OAuth) Token(ctx context.Context, r TokenRequest) (Issued, error) {
	if !slices.Contains(Grants(), r.GrantType) {
		return Issued{}, NewError(CodeUnsupportedGrantType, "There is no such grant_type here.")
	}
	if !slices.Contains(r.Client.record.Grants, r.GrantType) {
		return Issued{}, NewError(CodeUnauthorizedClient, "This client was not given this grant_type.")
	}
	if err := o.clock.Err(); err != nil {
		return Issued{}, err
	}
	r.Scope = ScopeWords(r.Scope)
	if r.GrantType != GrantAuthorizationCode { // whose code may have chosen
		var err error
		if r.Resource, err = o.audience(r.Client.record, r.Resource); err != nil {
			return Issued{}, err
		}
	}
	switch r.GrantType {
	case GrantPassword:
		return o.password(ctx, r)
	case GrantRefreshToken:
		return o.refresh(ctx, r)
	case GrantClientCredentials:
		return o.clientCredentials(r)
	default:
		return o.code(ctx, r)
	}
}

func (o *OAuth) password(ctx context.Context, r TokenRequest) (Issued, error) {
	scope, err := grantedScope(r.Client.record, r.Scope)
	if err != nil {
		return Issued{}, err
	}
	g, err := o.login.Login(ctx, Credentials{
		Username: r.Username, Password: r.Password, Terms: terms(r.Client.record, r.Resource), Scope: scope, Delivery: DeliveryBody,
		Device: r.Device, ByServer: !r.Client.Public(), From: r.From,
	})
	out := issued(r.Client.record, g.Grant)
	out.Device = g.TrustedDevice
	return out, err
}

func (o *OAuth) refresh(ctx context.Context, r TokenRequest) (Issued, error) {
	g, err := o.sessions.Refresh(ctx, Presentation{
		Token: r.RefreshToken, Delivery: DeliveryBody, Terms: terms(r.Client.record, r.Resource), Scope: r.Scope, From: r.From,
	})
	return issued(r.Client.record, g), err
}

// clientCredentials is for the client itself: it has no session, and no refresh
// token (RFC 6749 4.4.3).
func (o *OAuth) clientCredentials(r TokenRequest) (Issued, error) {
	scope, err := grantedScope(r.Client.record, r.Scope)
	if err != nil {
		return Issued{}, err
	}
	raw, exp, err := o.tokens.MintAccess(Subject{ClientID: r.Client.record.ID, Scope: scope}, r.Resource, nil, o.tokens.Lifetime(r.Client.record.AccessTTL))
	return Issued{Access: raw, Expires: exp, Scope: scope}, err
}

// code exchanges an authorization code (RFC 6749 4.1.3). The code is used up
// before anything of the request is compared with it, so that a wrong guess is
// the last. A client that sends it again, and proves that it is its own, ends what the
// first one got (RFC 6749 4.1.2): one of the two has stolen it. Who has read the code
// alone, in a log or a history, ends nothing. Where a store fails the code is given back.
func (o *OAuth) code(ctx context.Context, r TokenRequest) (Issued, error) {
	if r.CodeVerifier == "" && !r.Client.record.PKCEOptional {
		return Issued{}, NewError(CodeInvalidRequest, "The parameter code_verifier is missing.")
	}
	now, id, hash := o.clock.Now(), NewID(), codeHash(r.Code)
	c, usedFor, err := o.store.Codes.TakeCode(ctx, hash, r.Client.record.ID, id, now)
	switch {
	case errors.Is(err, repository.ErrNotFound):
		return Issued{}, invalidGrant("unknown or expired code")
	case err != nil:
		return Issued{}, StoreFailure("take a code", err)
	case c.RedirectURI != r.RedirectURI:
		return Issued{}, o.refuseCode(ctx, r, c, "another_redirect_uri")
	case c.Challenge == "" && r.CodeVerifier != "", c.Challenge != "" && !proves(r.CodeVerifier, c.Challenge):
		// A verifier without a challenge is a downgrade (RFC 9700 2.1.1).
		return Issued{}, o.refuseCode(ctx, r, c, "wrong_code_verifier")
	case usedFor != "":
		if err := o.sessions.RevokeByCode(ctx, c.UserID, usedFor, r.Client.record.ID, r.From); err != nil {
			return Issued{}, err
		}
		return Issued{}, o.refuseCode(ctx, r, c, "code_reused")
	}
	if r.Resource == "" {
		r.Resource = c.Audience
	}
	audience, err := o.audience(r.Client.record, r.Resource)
	if err == nil && c.Audience != "" && audience != c.Audience {
		err = NewError(CodeInvalidTarget, "The user was asked for another resource.")
	}
	if err != nil {
		return Issued{}, err
	}
	r.Resource = audience
	g, err := o.redeem(ctx, r, c, id)
	if AsError(err).Code == CodeStoreUnavailable {
		if back := o.store.Codes.ReturnCode(context.WithoutCancel(ctx), hash, id); back != nil {
			o.log.LogAttrs(ctx, slog.LevelWarn, "a code could not be given back; its user must sign in again", slog.Any("error", back))
		}
	}
	return issued(r.Client.record, g), err
}

// redeem makes the session that a code is for.
func (o *OAuth) redeem(ctx context.Context, r TokenRequest, c repository.Code, id string) (Grant, error) {
	u, err := o.store.Users.FindUserByID(ctx, c.UserID)
	switch {
	case errors.Is(err, repository.ErrNotFound):
		return Grant{}, invalidGrant("the user is gone")
	case err != nil:
		return Grant{}, StoreFailure("find the user of a code", err)
	case u.Disabled:
		return Grant{}, AccountDisabled()
	case u.SessionEpoch != c.Epoch:
		return Grant{}, invalidGrant("the user's sessions were ended since")
	}
	from := r.From
	from.Address, from.Agent = c.Address, c.Agent // the user's: the request may come from the client's server
	return o.sessions.create(ctx, u, beginning{
		id: id, terms: terms(r.Client.record, r.Resource), scope: c.Scope, delivery: DeliveryBody, amr: c.AMR,
		authTime: c.AuthTime.Truncate(time.Millisecond), from: from,
	})
}

// refuseCode records why a code was refused, which used it up.
func (o *OAuth) refuseCode(ctx context.Context, r TokenRequest, c repository.Code, why string) error {
	record := r.From.Record(o.clock.Now(), repository.AuditCodeRefused, why)
	record.UserID, record.ClientID = c.UserID, c.ClientID
	record = OnceAMinute(record, string(c.Hash))
	if err := o.audit.Write(ctx, record); err != nil {
		return err
	}
	return invalidGrant(why)
}

// grantedScope is the scope of a new session: what is asked for, or all that the
// client may have. More than that is invalid_scope.
func grantedScope(c repository.Client, asked string) (string, error) {
	if slices.Contains(strings.Fields(asked), scopeOpenID) {
		return "", NewError(CodeInvalidScope, "There is no OpenID Connect here yet: ask without the scope openid.")
	}
	all := strings.Join(slices.DeleteFunc(slices.Clone(c.Scopes), func(s string) bool { return s == scopeOpenID }), " ")
	if !ScopeWithin(asked, all) {
		return "", NewError(CodeInvalidScope, "The client may not have this scope.")
	}
	return cmp.Or(asked, all), nil
}

// audience is what an access token is for: the resource that a client asks for, if it may
// (RFC 8707 2), else its first audience; empty: the audience of the settings.
func (o *OAuth) audience(c repository.Client, resource string) (string, error) {
	switch {
	case resource == "" && len(c.Audiences) == 0, resource == o.tokens.Audience() && len(c.Audiences) == 0:
		return "", nil
	case resource == "":
		resource = c.Audiences[0]
	case !slices.Contains(c.Audiences, resource):
		return "", NewError(CodeInvalidTarget, "The client may not ask for tokens for this resource.")
	}
	return resource, nil
}

// issued is a grant as a client gets it: a refresh token only if it may use one.
func issued(c repository.Client, g Grant) Issued {
	out := Issued{Access: g.Access, Expires: g.AccessExpiry, Scope: g.Scope}
	if slices.Contains(c.Grants, GrantRefreshToken) {
		out.Refresh = g.Refresh
	}
	return out
}

func invalidGrant(why string) error {
	return &Error{Code: CodeInvalidGrant, Message: "The grant is not valid, or not any more.", Err: errors.New(why)}
}
