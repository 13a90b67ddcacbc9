package controller

import (
	"encoding/json"
	"net/http"

	"github.com/gin-gonic/gin"

	"latchkey/middleware/problem"
	"latchkey/service"
	"latchkey/service/audit"
	"latchkey/service/login"
	"latchkey/service/oauth"
	"latchkey/service/password"
	"latchkey/service/token"
)

// oauthRequest is a request of an identified OAuth client.
type oauthRequest struct {
	oauth.AuthenticatedClient
	params params
	from   audit.Origin
}

// oauth runs an endpoint that OAuth clients call themselves. It accepts only POST, only a form,
// and only authenticated clients. Cookies are never credentials here.
func (s *server) oauth(f func(*call, oauthRequest) (any, error)) gin.HandlerFunc {
	return func(c *gin.Context) {
		body, err := func() (any, error) {
			if c.Request.Method != http.MethodPost {
				c.Header("Allow", http.MethodPost)
				return nil, service.NewError(service.CodeMethodNotAllowed, "This endpoint accepts only POST.")
			}
			p, err := readForm(c.Writer, c.Request)
			if err != nil {
				return nil, err
			}
			credentials, err := clientCredentials(c.Request, p)
			if err != nil {
				return nil, err
			}
			call := callOf(c)
			client, err := s.Clients.Authenticate(call.ctx(), credentials)
			if err != nil {
				return nil, err
			}
			return f(call, oauthRequest{client, p, call.from()})
		}()
		if err != nil {
			_ = c.Error(err)
			problem.WriteOAuth(c.Writer, err)
			return
		}
		c.Header("Cache-Control", "no-store")
		c.Header("Pragma", "no-cache")
		c.Header("Content-Type", "application/json; charset=utf-8")
		c.Status(http.StatusOK)
		_ = json.NewEncoder(c.Writer).Encode(body) // fails only if the client has disconnected
	}
}

// tokenBody is RFC 6749 5.1.
type tokenBody struct {
	AccessToken  token.Raw `json:"access_token"`
	TokenType    string    `json:"token_type"`
	ExpiresIn    int64     `json:"expires_in"` // seconds
	RefreshToken token.Raw `json:"refresh_token,omitempty"`
	Scope        string    `json:"scope,omitempty"`
	// DeviceToken is an extension of Latchkey. The client sends it as X-Device-Token with the
	// user's next password.
	DeviceToken login.TrustedDeviceToken `json:"device_token,omitempty"`
}

// token handles POST /oauth/token.
func (s *server) token(c *call, r oauthRequest) (any, error) {
	p := r.params
	for _, name := range required[p["grant_type"]] {
		if p[name] == "" {
			return nil, service.NewError(service.CodeInvalidRequest, "The parameter "+name+" is missing.")
		}
	}
	issued, err := s.OAuth.Token(c.ctx(), oauth.TokenRequest{
		Client: r.AuthenticatedClient, GrantType: p["grant_type"], Scope: p["scope"],
		Username: p["username"], Password: password.New(p["password"]), RefreshToken: token.Raw(p["refresh_token"]),
		Code: p["code"], RedirectURI: p["redirect_uri"], CodeVerifier: p["code_verifier"], Resource: p["resource"], From: r.from,
		Device: login.TrustedDeviceToken(c.r.Header.Get(deviceHeader)),
	})
	if err != nil {
		return nil, err
	}
	return tokenBody{
		AccessToken: issued.Access, TokenType: "Bearer", ExpiresIn: max(0, int64(issued.Expires.Sub(s.Now()).Seconds())),
		RefreshToken: issued.Refresh, Scope: issued.Scope, DeviceToken: issued.Device,
	}, nil
}

// required lists the parameters that each grant requires. Without a grant, grant_type is
// required.
var required = map[string][]string{
	"":                           {"grant_type"},
	oauth.GrantPassword:          {"username", "password"},
	oauth.GrantRefreshToken:      {"refresh_token"},
	oauth.GrantAuthorizationCode: {"code"},
	oauth.GrantClientCredentials: {},
}

// revoke handles POST /oauth/revoke (RFC 7009 2). The body is an empty object, because some
// clients parse it as JSON.
func (s *server) revoke(c *call, r oauthRequest) (any, error) {
	if r.params["token"] == "" {
		return nil, service.NewError(service.CodeInvalidRequest, "The parameter token is missing.")
	}
	return struct{}{}, s.OAuth.Revoke(c.ctx(), r.AuthenticatedClient, token.Raw(r.params["token"]), r.from)
}

// inactive is the exact response of RFC 7662 2.2 to a token that is not valid.
type inactive struct {
	Active bool `json:"active"`
}

// stateBody is RFC 7662 2.2.
type stateBody struct {
	Active    bool   `json:"active"`
	Scope     string `json:"scope,omitempty"`
	ClientID  string `json:"client_id,omitempty"`
	Username  string `json:"username,omitempty"`
	TokenType string `json:"token_type,omitempty"`
	Exp       int64  `json:"exp"`
	Iat       int64  `json:"iat"`
	Sub       string `json:"sub"`
	Aud       string `json:"aud"`
	Iss       string `json:"iss"`
	JTI       string `json:"jti"`
	SID       string `json:"sid,omitempty"`
	Privilege *int   `json:"privilege,omitempty"`
	Act       *act   `json:"act,omitempty"`
}

type act struct {
	Sub string `json:"sub"`
}

// introspect handles POST /oauth/introspect (RFC 7662 2). It is only for clients with a secret,
// because it reveals the contents of tokens.
func (s *server) introspect(c *call, r oauthRequest) (any, error) {
	switch {
	case r.Public():
		return nil, service.NewError(service.CodeInvalidClient, "Only clients with a secret may introspect tokens.")
	case r.params["token"] == "":
		return nil, service.NewError(service.CodeInvalidRequest, "The parameter token is missing.")
	}
	state, err := s.OAuth.Introspect(c.ctx(), r.AuthenticatedClient, token.Raw(r.params["token"]))
	if err != nil {
		return nil, err
	}
	if !state.Active {
		return inactive{}, nil
	}
	body := stateBody{
		Active: true, Scope: state.Scope, ClientID: state.ClientID, Username: state.Username, TokenType: state.TokenType,
		Exp: state.ExpiresAt, Iat: state.IssuedAt, Sub: state.Subject, Aud: state.Audience, Iss: s.Issuer, JTI: state.TokenID,
		SID: state.SessionID, Privilege: state.Privilege,
	}
	if state.Actor != "" {
		body.Act = &act{state.Actor}
	}
	return body, nil
}
