package controller

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"latchkey/controller/page"
	"latchkey/middleware/problem"
	"latchkey/service"
	"latchkey/service/login"
	"latchkey/service/oauth"
	"latchkey/service/password"
)

// authorize handles GET and POST /oauth/authorize (RFC 6749 4.1.1): a page on which a user logs
// in and allows the access that a client requests. It works without scripts. A redirect reports
// errors to the client, but only to an address that is registered for it. Otherwise the page
// shows the error to the user.
func (s *server) authorize(c *gin.Context) {
	p, request, bad := readAuthorize(c)
	a, err := s.OAuth.Authorization(c.Request.Context(), request)
	if bad != nil {
		err = bad
	}
	if address, there := p["redirect_uri"]; a.RedirectURI == "" || there && address == "" {
		_ = c.Error(err)
		s.pages.WriteError(c.Writer, c.Request, err)
		return
	}
	switch {
	case err != nil:
		_ = c.Error(err)
		s.answerError(c, a, request.State, err)
	case c.Request.Method == http.MethodPost:
		s.decide(c, a, request, p)
	default:
		s.ask(c, a, request, "", nil)
	}
}

// maxAuthorize limits the size of an authorization request, in bytes. The form repeats the
// request, and must fit into maxForm.
const maxAuthorize = 4 << 10

// readAuthorize reads the parameters from the query, or from the form that the page sends.
func readAuthorize(c *gin.Context) (params, oauth.AuthorizeRequest, error) {
	text, err := c.Request.URL.RawQuery, error(nil)
	if c.Request.Method == http.MethodPost {
		text, err = readFormBody(c.Writer, c.Request)
	} else if len(text) > maxAuthorize {
		err = service.NewError(service.CodeInvalidRequest, fmt.Sprintf("The authorization request is longer than %d bytes.", maxAuthorize))
	}
	if err != nil {
		return nil, oauth.AuthorizeRequest{}, err
	}
	p, err := parseParams(text)
	return p, oauth.AuthorizeRequest{
		ResponseType: p["response_type"], ClientID: p["client_id"], RedirectURI: p["redirect_uri"], Scope: p["scope"], State: p["state"],
		CodeChallenge: p["code_challenge"], CodeChallengeMethod: p["code_challenge_method"],
		Resource: p["resource"],
	}, err
}

// ask shows the page, with the error of the previous attempt.
func (s *server) ask(c *gin.Context, a oauth.Authorization, r oauth.AuthorizeRequest, username string, err error) {
	name := a.Client.Name
	if name == "" {
		name = a.Client.ID
	}
	p := page.Login{
		Err: err, Forgot: s.forgotPage(), Client: name, FirstParty: a.Client.FirstParty, Scopes: strings.Fields(a.Scope),
		Target: a.RedirectURI, Username: username, Action: s.path("/oauth/authorize"),
	}
	for _, h := range [][2]string{
		{"response_type", r.ResponseType},
		{"client_id", r.ClientID},
		{"redirect_uri", r.RedirectURI},
		{"scope", r.Scope},
		{"state", r.State},
		{"code_challenge", r.CodeChallenge},
		{"code_challenge_method", r.CodeChallengeMethod},
		{"resource", r.Resource},
	} {
		if h[1] != "" {
			p.Hidden = append(p.Hidden, h)
		}
	}
	s.pages.WriteLogin(c.Writer, c.Request, p)
}

// decide processes the user's decision. It refuses a form that another site sent.
func (s *server) decide(c *gin.Context, a oauth.Authorization, r oauth.AuthorizeRequest, p params) {
	if err := s.csrf.Check(c.Request); err != nil {
		_ = c.Error(err)
		s.pages.WriteError(c.Writer, c.Request, service.NewError(service.CodeCSRFDenied, "Another site sent this form. Go back to the application and start again."))
		return
	}
	if p["decision"] == "deny" {
		s.answerError(c, a, r.State, service.NewError(service.CodeAccessDenied, "The user denied access."))
		return
	}
	call := &call{r: c.Request, address: c.ClientIP(), param: c.Param}
	code, device, err := s.OAuth.Approve(call.ctx(), a, login.Credentials{
		Username: p["username"], Password: password.New(p["password"]), Device: s.deviceToken(c.Request), From: call.from(),
	})
	if err != nil {
		_ = c.Error(err)
		s.ask(c, a, r, p["username"], err)
		return
	}
	http.SetCookie(c.Writer, s.deviceCookie(device))
	s.answer(c, a, r.State, url.Values{"code": {code}})
}

// answerError reports an error to the client (RFC 6749 4.1.2.1).
func (s *server) answerError(c *gin.Context, a oauth.Authorization, state string, err error) {
	_, body := problem.OAuth(err)
	s.answer(c, a, state, url.Values{"error": {body.Error}, "error_description": {body.Description}})
}

// answer redirects the browser to the client, with the issuer as a parameter (RFC 9207 2).
func (s *server) answer(c *gin.Context, a oauth.Authorization, state string, values url.Values) {
	if state != "" {
		values.Set("state", state)
	}
	values.Set("iss", s.Issuer)
	separator := "?"
	if strings.Contains(a.RedirectURI, "?") {
		separator = "&"
	}
	c.Header("Cache-Control", "no-store")
	c.Header("Location", a.RedirectURI+separator+values.Encode())
	c.Status(http.StatusSeeOther)
	c.Writer.WriteHeaderNow()
}
