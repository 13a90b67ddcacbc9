package oauth

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"latchkey/repository"
	"latchkey/service"
	"latchkey/service/audit"
	"latchkey/service/clock"
	"latchkey/service/login"
	"latchkey/service/password"
	"latchkey/service/session"
	"latchkey/service/token"
)

// Server issues tokens to clients (RFC 6749), for the same sessions as the JSON API. Every grant
// has the same steps: the client authenticates (Clients.Authenticate), and its grant type and scope
// are checked. The steps of the specific grant follow.
type Server struct {
	store    repository.Store
	login    *login.Service
	sessions *session.Service
	tokens   *token.Minter
	audit    *audit.Log
	clock    *clock.Clock
	log      *slog.Logger
}

// New returns a Server.
func New(store repository.Store, login *login.Service, sessions *session.Service, tokens *token.Minter, clock *clock.Clock, audit *audit.Log, log *slog.Logger) *Server {
	return &Server{store: store, login: login, sessions: sessions, tokens: tokens, clock: clock, audit: audit, log: log}
}

// TokenRequest is a request to the token endpoint. The fields of other grant types are empty.
type TokenRequest struct {
	Client    AuthenticatedClient
	GrantType string
	Scope     string

	Username string
	Password password.Password

	RefreshToken token.Raw

	Code         string
	RedirectURI  string
	CodeVerifier string

	// Resource is the requested audience of the access token (RFC 8707 2); empty: the client's
	// first audience.
	Resource string

	Device login.TrustedDeviceToken // for the password grant
	From   audit.Origin
}

// TokenResponse holds the tokens that are issued to a client.
type TokenResponse struct {
	Access  token.Raw
	Expires time.Time
	Refresh token.Raw // empty: none
	Scope   string
	Device  login.TrustedDeviceToken // if a password was sent
}

// Token handles a request to the token endpoint. It returns unsupported_grant_type,
// unauthorized_client, invalid_scope or invalid_grant. For an OAuth client, invalid_credentials,
// account_disabled and the refusals of a refresh become invalid_grant.
func (o *Server) Token(ctx context.Context, r TokenRequest) (TokenResponse, error) {
	if !slices.Contains(Grants(), r.GrantType) {
		return TokenResponse{}, service.NewError(service.CodeUnsupportedGrantType, "Unsupported grant_type.")
	}
	if !slices.Contains(r.Client.record.Grants, r.GrantType) {
		return TokenResponse{}, service.NewError(service.CodeUnauthorizedClient, "The client may not use this grant_type.")
	}
	if err := o.clock.Err(); err != nil {
		return TokenResponse{}, err
	}
	r.Scope = session.ScopeWords(r.Scope)
	if r.GrantType != GrantAuthorizationCode { // the code may name the resource
		var err error
		if r.Resource, err = o.audience(r.Client.record, r.Resource); err != nil {
			return TokenResponse{}, err
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

func (o *Server) password(ctx context.Context, r TokenRequest) (TokenResponse, error) {
	scope, err := grantedScope(r.Client.record, r.Scope)
	if err != nil {
		return TokenResponse{}, err
	}
	g, err := o.login.Login(ctx, login.Credentials{
		Username: r.Username, Password: r.Password, Client: policyOf(r.Client.record, r.Resource), Scope: scope, Delivery: session.DeliveryBody,
		Device: r.Device, ByServer: !r.Client.Public(), From: r.From,
	})
	out := issued(r.Client.record, g.TokenSet)
	out.Device = g.TrustedDevice
	return out, err
}

func (o *Server) refresh(ctx context.Context, r TokenRequest) (TokenResponse, error) {
	g, err := o.sessions.Refresh(ctx, session.RefreshRequest{
		Token: r.RefreshToken, Delivery: session.DeliveryBody, Client: policyOf(r.Client.record, r.Resource), Scope: r.Scope, From: r.From,
	})
	return issued(r.Client.record, g), err
}

// clientCredentials issues an access token for the client itself, without a session and without a
// refresh token (RFC 6749 4.4.3).
func (o *Server) clientCredentials(r TokenRequest) (TokenResponse, error) {
	scope, err := grantedScope(r.Client.record, r.Scope)
	if err != nil {
		return TokenResponse{}, err
	}
	raw, exp, err := o.tokens.MintAccess(token.Subject{ClientID: r.Client.record.ID, Scope: scope}, r.Resource, nil, o.tokens.Lifetime(r.Client.record.AccessTTL))
	return TokenResponse{Access: raw, Expires: exp, Scope: scope}, err
}

// code exchanges an authorization code (RFC 6749 4.1.3). The code is consumed before the request is
// compared with it, so that a wrong guess cannot be repeated. If a client sends a code again and
// proves that the code is its own, the session of the first exchange is revoked (RFC 6749 4.1.2),
// because one of the two exchanges used a stolen code. An attacker who read only the code, in a log
// or a history, cannot revoke a session this way. If a store fails, the code becomes valid again.
func (o *Server) code(ctx context.Context, r TokenRequest) (TokenResponse, error) {
	if r.CodeVerifier == "" && !r.Client.record.PKCEOptional {
		return TokenResponse{}, service.NewError(service.CodeInvalidRequest, "The parameter code_verifier is missing.")
	}
	now, id, hash := o.clock.Now(), service.NewID(), codeHash(r.Code)
	c, usedFor, err := o.store.Codes.TakeCode(ctx, hash, r.Client.record.ID, id, now)
	switch {
	case errors.Is(err, repository.ErrNotFound):
		return TokenResponse{}, invalidGrant("unknown or expired code")
	case err != nil:
		return TokenResponse{}, service.StoreFailure("take a code", err)
	case c.RedirectURI != r.RedirectURI:
		return TokenResponse{}, o.refuseCode(ctx, r, c, "another_redirect_uri")
	case c.Challenge == "" && r.CodeVerifier != "", c.Challenge != "" && !proves(r.CodeVerifier, c.Challenge):
		// A verifier without a challenge indicates a downgrade attack (RFC 9700 2.1.1).
		return TokenResponse{}, o.refuseCode(ctx, r, c, "wrong_code_verifier")
	case usedFor != "":
		if err := o.sessions.RevokeByCode(ctx, c.UserID, usedFor, r.Client.record.ID, r.From); err != nil {
			return TokenResponse{}, err
		}
		return TokenResponse{}, o.refuseCode(ctx, r, c, "code_reused")
	}
	if r.Resource == "" {
		r.Resource = c.Audience
	}
	audience, err := o.audience(r.Client.record, r.Resource)
	if err == nil && c.Audience != "" && audience != c.Audience {
		err = service.NewError(service.CodeInvalidTarget, "The resource differs from the resource of the code.")
	}
	if err != nil {
		return TokenResponse{}, err
	}
	r.Resource = audience
	g, err := o.redeem(ctx, r, c, id)
	if service.AsError(err).Code == service.CodeStoreUnavailable {
		if back := o.store.Codes.ReturnCode(context.WithoutCancel(ctx), hash, id); back != nil {
			o.log.LogAttrs(ctx, slog.LevelWarn, "authorization code not restored; the user must log in again", slog.Any("error", back))
		}
	}
	return issued(r.Client.record, g), err
}

// redeem starts the session for a code.
func (o *Server) redeem(ctx context.Context, r TokenRequest, c repository.Code, id string) (session.TokenSet, error) {
	u, err := o.store.Users.FindUserByID(ctx, c.UserID)
	switch {
	case errors.Is(err, repository.ErrNotFound):
		return session.TokenSet{}, invalidGrant("the user was deleted")
	case err != nil:
		return session.TokenSet{}, service.StoreFailure("find the user of a code", err)
	case u.Disabled:
		return session.TokenSet{}, service.AccountDisabled()
	case u.SessionEpoch != c.Epoch:
		return session.TokenSet{}, invalidGrant("the user's sessions were ended")
	}
	from := r.From
	// The request may come from the client's server, so record the user's address and agent.
	from.Address, from.Agent = c.Address, c.Agent
	return o.sessions.Start(ctx, u, session.Params{
		ID: id, Client: policyOf(r.Client.record, r.Resource), Scope: c.Scope, Delivery: session.DeliveryBody, AMR: c.AMR,
		AuthTime: c.AuthTime.Truncate(time.Millisecond), From: from,
	})
}

// refuseCode records why a code was refused. The code is consumed.
func (o *Server) refuseCode(ctx context.Context, r TokenRequest, c repository.Code, why string) error {
	record := r.From.Record(o.clock.Now(), repository.AuditCodeRefused, why)
	record.UserID, record.ClientID = c.UserID, c.ClientID
	record = audit.OnceAMinute(record, string(c.Hash))
	if err := o.audit.Write(ctx, record); err != nil {
		return err
	}
	return invalidGrant(why)
}

// grantedScope returns the scope of a new session: the requested scope, or every scope of the
// client if none is requested. It returns invalid_scope if the client may not have a requested
// scope.
func grantedScope(c repository.Client, asked string) (string, error) {
	if slices.Contains(strings.Fields(asked), scopeOpenID) {
		return "", service.NewError(service.CodeInvalidScope, "OpenID Connect is not supported. Send the request without the scope openid.")
	}
	all := strings.Join(slices.DeleteFunc(slices.Clone(c.Scopes), func(s string) bool { return s == scopeOpenID }), " ")
	if !session.ScopeWithin(asked, all) {
		return "", service.NewError(service.CodeInvalidScope, "The client may not have this scope.")
	}
	return cmp.Or(asked, all), nil
}

// audience returns the audience of an access token: the requested resource if the client may
// request it (RFC 8707 2), or else the client's first audience. Empty means the audience of the
// settings.
func (o *Server) audience(c repository.Client, resource string) (string, error) {
	switch {
	case resource == "" && len(c.Audiences) == 0, resource == o.tokens.Audience() && len(c.Audiences) == 0:
		return "", nil
	case resource == "":
		resource = c.Audiences[0]
	case !slices.Contains(c.Audiences, resource):
		return "", service.NewError(service.CodeInvalidTarget, "The client may not ask for tokens for this resource.")
	}
	return resource, nil
}

// issued returns the response with a set of tokens. It includes a refresh token only if the client
// may use one.
func issued(c repository.Client, g session.TokenSet) TokenResponse {
	out := TokenResponse{Access: g.Access, Expires: g.AccessExpiry, Scope: g.Scope}
	if slices.Contains(c.Grants, GrantRefreshToken) {
		out.Refresh = g.Refresh
	}
	return out
}

func invalidGrant(why string) error {
	return &service.Error{Code: service.CodeInvalidGrant, Message: "The grant is invalid or has expired.", Err: errors.New(why)}
}
