package controller

import (
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"latchkey/controller/problem"
	"latchkey/service"
)

// authorizeParams are the parameters of an authorization request, in the order in
// which the form repeats them.
var authorizeParams = []string{"response_type", "client_id", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method"}

// authorize is GET and POST /oauth/authorize (RFC 6749 4.1.1): a page on which a
// user signs in and allows what a client asks for. It works without scripts. An
// error is told to the client by a redirect, but never to an address that is not
// registered for it: then the user is told.
func (s *server) authorize(c *gin.Context) {
	p, request, bad := readAuthorize(c)
	a, err := s.OAuth.Authorization(c.Request.Context(), request)
	if bad != nil {
		err = bad
	}
	if address, there := p["redirect_uri"]; a.RedirectURI == "" || there && address == "" {
		_ = c.Error(err)
		fail(c.Writer, err)
		return
	}
	switch {
	case err != nil:
		_ = c.Error(err)
		s.answerError(c, a, request.State, err)
	case c.Request.Method == http.MethodPost:
		s.decide(c, a, request, p)
	default:
		s.ask(c, http.StatusOK, a, request, "", "")
	}
}

// readAuthorize reads the parameters from the query, or from the form that the
// page sends.
func readAuthorize(c *gin.Context) (params, service.AuthorizeRequest, error) {
	text := c.Request.URL.RawQuery
	if c.Request.Method == http.MethodPost {
		media, _, err := mime.ParseMediaType(c.GetHeader("Content-Type"))
		if err != nil || media != "application/x-www-form-urlencoded" {
			return nil, service.AuthorizeRequest{}, service.NewError(service.CodeInvalidRequest, "The form did not arrive as a form.")
		}
		body, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, maxForm))
		if err != nil {
			return nil, service.AuthorizeRequest{}, service.NewError(service.CodeBodyTooLarge, fmt.Sprintf("The form must be at most %d bytes long.", maxForm))
		}
		text = string(body)
	}
	p, err := parseParams(text)
	return p, service.AuthorizeRequest{
		ResponseType: p["response_type"], ClientID: p["client_id"], RedirectURI: p["redirect_uri"], Scope: p["scope"], State: p["state"],
		CodeChallenge: p["code_challenge"], CodeChallengeMethod: p["code_challenge_method"],
	}, err
}

// ask shows the page.
func (s *server) ask(c *gin.Context, status int, a service.Authorization, r service.AuthorizeRequest, username, problemText string) {
	name := a.Client.Name
	if name == "" {
		name = a.Client.ID
	}
	p := page{
		Title: "Sign in to " + name, Error: problemText, Client: name, FirstParty: a.Client.FirstParty, Scopes: strings.Fields(a.Scope),
		Target: strings.TrimPrefix(formTarget(a.RedirectURI), "https://"), Username: username,
	}
	for i, value := range []string{r.ResponseType, r.ClientID, r.RedirectURI, r.Scope, r.State, r.CodeChallenge, r.CodeChallengeMethod} {
		if value != "" {
			p.Hidden = append(p.Hidden, [2]string{authorizeParams[i], value})
		}
	}
	p.write(c.Writer, status, a.RedirectURI)
}

// decide takes the user's answer. Another site must not send it.
func (s *server) decide(c *gin.Context, a service.Authorization, r service.AuthorizeRequest, p params) {
	if err := s.csrf.Check(c.Request); err != nil {
		_ = c.Error(err)
		fail(c.Writer, err)
		return
	}
	if p["decision"] == "deny" {
		s.answerError(c, a, r.State, service.NewError(service.CodeAccessDenied, "The user said no."))
		return
	}
	call := &call{r: c.Request, address: c.ClientIP(), param: c.Param}
	code, err := s.OAuth.Approve(call.ctx(), a, service.Credentials{
		Username: p["username"], Password: service.NewPassword(p["password"]), From: call.from(),
	})
	if err != nil {
		_ = c.Error(err)
		e := service.AsError(err)
		if status := problem.Status(err); status >= http.StatusInternalServerError || status == http.StatusTooManyRequests {
			c.Header("Retry-After", problem.RetryAfter(e))
		}
		s.ask(c, problem.Status(err), a, r, p["username"], e.Message)
		return
	}
	s.answer(c, a, r.State, url.Values{"code": {code}})
}

// answerError tells the client what is wrong (RFC 6749 4.1.2.1).
func (s *server) answerError(c *gin.Context, a service.Authorization, state string, err error) {
	_, body := problem.OAuth(err)
	s.answer(c, a, state, url.Values{"error": {body.Error}, "error_description": {body.Description}})
}

// answer sends the browser back to the client, with the issuer (RFC 9207 2).
func (s *server) answer(c *gin.Context, a service.Authorization, state string, values url.Values) {
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
