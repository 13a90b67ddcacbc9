package oauth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"latchkey/repository"
	"latchkey/service"
	"latchkey/service/login"
	"latchkey/service/session"
)

// codeTTL is the lifetime of an authorization code (RFC 6749 4.1.2 allows at most ten minutes).
const codeTTL = time.Minute

// AuthorizeRequest is an authorization request, which a client sends through the browser (RFC 6749
// 4.1.1, RFC 7636 4.3).
type AuthorizeRequest struct {
	ResponseType        string
	ClientID            string
	RedirectURI         string
	Scope               string
	State               string
	CodeChallenge       string
	CodeChallengeMethod string
	Resource            string // RFC 8707 2
}

// Authorization is a valid request, which the user is asked to approve.
type Authorization struct {
	Client      Client
	RedirectURI string // where the answer is sent
	Scope       string
	audience    string
	request     AuthorizeRequest
}

// Authorization checks a request. If it names no client, or a redirect URI that is not the
// client's, the RedirectURI of the result is empty. The browser then must not be redirected, and
// the error must be shown to the user. All other errors are sent to the client.
func (o *Server) Authorization(ctx context.Context, r AuthorizeRequest) (Authorization, error) {
	c, redirectURI, err := o.redirect(ctx, r)
	if err != nil {
		return Authorization{}, err
	}
	a := Authorization{Client: client(c), RedirectURI: redirectURI, request: r}
	if a.Scope, err = checkAuthorize(c, r); err != nil {
		return a, err
	}
	a.audience, err = o.audience(c, r.Resource)
	return a, err
}

// redirect returns the client of a request and its redirect URI.
func (o *Server) redirect(ctx context.Context, r AuthorizeRequest) (repository.Client, string, error) {
	c, err := session.FindClient(ctx, o.store.Clients, r.ClientID)
	switch {
	case errors.Is(err, repository.ErrNotFound):
		return c, "", service.NewError(service.CodeInvalidClient, "Unknown application (client_id).")
	case err != nil:
		return c, "", service.StoreFailure("find a client", err)
	case c.Disabled:
		return c, "", service.NewError(service.CodeInvalidClient, "The application is disabled.")
	}
	if r.RedirectURI == "" && len(c.RedirectURIs) == 1 {
		return c, c.RedirectURIs[0], nil
	}
	if !slices.ContainsFunc(c.RedirectURIs, func(known string) bool { return sameRedirect(known, r.RedirectURI) }) {
		return c, "", service.NewError(service.CodeInvalidRequest, "The redirect address is not registered for this application (redirect_uri).")
	}
	return c, r.RedirectURI, nil
}

// sameRedirect compares redirect URIs byte for byte (RFC 9700 4.1.3). It ignores the port of a
// loopback address, which a native app cannot know in advance (RFC 8252 7.3).
func sameRedirect(known, given string) bool {
	if known == given {
		return true
	}
	k, err := url.Parse(known)
	if err != nil || k.Scheme != "http" || !loopbackIP(k.Hostname()) {
		return false
	}
	g, err := url.Parse(given)
	if err != nil || g.Hostname() != k.Hostname() || g.Port() == "" || !goodPort(g) {
		return false
	}
	k.Host = net.JoinHostPort(k.Hostname(), g.Port())
	return k.String() == given
}

// checkAuthorize checks the other parameters of a request, and returns the scope.
func checkAuthorize(c repository.Client, r AuthorizeRequest) (string, error) {
	switch {
	case !slices.Contains(c.Grants, GrantAuthorizationCode):
		return "", service.NewError(service.CodeUnauthorizedClient, "The client may not use authorization_code.")
	case r.ResponseType == "":
		return "", service.NewError(service.CodeInvalidRequest, "response_type is missing.")
	case r.ResponseType != "code":
		return "", service.NewError(service.CodeUnsupportedResponseType, "response_type must be code.")
	case r.CodeChallenge == "" && r.CodeChallengeMethod == "" && c.PKCEOptional && !c.Public:
	case r.CodeChallenge == "":
		return "", service.NewError(service.CodeInvalidRequest, "code_challenge is missing: PKCE is required (RFC 7636).")
	case r.CodeChallengeMethod != "S256":
		return "", service.NewError(service.CodeInvalidRequest, "code_challenge_method must be S256.")
	case !pkceText(r.CodeChallenge) || len(r.CodeChallenge) != 43:
		return "", service.NewError(service.CodeInvalidRequest, "code_challenge is not the base64url of a SHA-256 digest.")
	}
	return grantedScope(c, session.ScopeWords(r.Scope))
}

// Approve authenticates the user. It returns an authorization code for the request, and a token for
// the device.
func (o *Server) Approve(ctx context.Context, a Authorization, c login.Credentials) (code string, device login.TrustedDeviceToken, err error) {
	c.Client.ClientID = a.Client.ID
	in, err := o.login.Authenticate(ctx, c)
	if err != nil {
		return "", "", err
	}
	code = random256()
	now := o.clock.Now()
	err = o.store.Codes.CreateCode(ctx, repository.Code{
		Hash: codeHash(code), ClientID: a.Client.ID, UserID: in.User.ID, Epoch: in.User.SessionEpoch, RedirectURI: a.request.RedirectURI,
		Challenge: a.request.CodeChallenge, Scope: a.Scope, Audience: a.audience, AMR: in.AMR, Address: c.From.Address, Agent: c.From.Agent, AuthTime: now, ExpiresAt: now.Add(codeTTL),
	}, in.Mail...)
	if err != nil {
		return "", "", service.StoreFailure("store a code", err)
	}
	record := c.From.Record(now, repository.AuditCodeIssued, "ok")
	record.UserID, record.ClientID = in.User.ID, a.Client.ID
	if err := o.audit.Write(ctx, record); err != nil {
		return "", "", err
	}
	return code, in.TrustedDevice, nil
}

func codeHash(code string) repository.CodeHash {
	return repository.CodeHash(sha256Hex(code))
}

// proves reports whether a verifier matches a challenge (RFC 7636 4.6).
func proves(verifier, challenge string) bool {
	if len(verifier) < 43 || len(verifier) > 128 || !pkceText(verifier) {
		return false
	}
	digest := sha256.Sum256([]byte(verifier))
	return subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(digest[:])), []byte(challenge)) == 1
}

// pkceText reports whether a text has only unreserved characters (RFC 7636 4.1).
func pkceText(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-._~", r)
	})
}
