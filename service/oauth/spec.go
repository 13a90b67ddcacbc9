package oauth

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"latchkey/repository"
	"latchkey/service"
	"latchkey/service/session"
	"latchkey/service/token"
)

// ClientSpec holds the settings of a client that an operator chooses.
type ClientSpec struct {
	ID           string // empty: generated
	Name         string
	Public       bool
	FirstParty   bool
	Disabled     bool
	Grants       []string
	Scopes       []string
	RedirectURIs []string
	// Audiences are the allowed audiences of the client's access tokens. The first is the default;
	// the client may request another (RFC 8707). Empty: the audience of the settings.
	Audiences []string
	// PKCEOptional allows a client with a secret to use authorization codes without PKCE (RFC 9700
	// 2.1.1 recommends PKCE for such clients, and requires it for public ones).
	PKCEOptional bool
	// Managed is set if the operator's file describes the client.
	Managed     bool
	AccessTTL   time.Duration // 0: the lifetime of the settings; the same for the other lifetimes
	IdleTTL     time.Duration
	AbsoluteTTL time.Duration
}

// check returns invalid_request with all problems of the specification.
func (s ClientSpec) check() error {
	wrong := map[string]string{}
	if !session.PlainID(s.ID) || len(s.ID) < 3 || len(s.ID) > 64 {
		wrong["id"] = "must have 3 to 64 characters of A-Z, a-z, 0-9, - and _"
	} else if _, err := uuid.Parse(s.ID); err == nil || s.ID == token.ClientAPI {
		wrong["id"] = "must not be a UUID (reserved for user ids) or " + token.ClientAPI
	}
	if utf8.RuneCountInString(s.Name) > 100 || strings.ContainsFunc(s.Name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		wrong["name"] = "must have at most 100 characters, all of them visible"
	}
	has := func(grant string) bool { return slices.Contains(s.Grants, grant) }
	for _, g := range s.Grants {
		if !slices.Contains(Grants(), g) {
			wrong["grants"] = "must be of " + strings.Join(Grants(), ", ")
		}
	}
	switch {
	case len(s.Grants) == 0:
		wrong["grants"] = "must not be empty: one or more of " + strings.Join(Grants(), ", ")
	case has(GrantPassword) && !s.FirstParty:
		wrong["grants"] = "may contain password only for a first-party client: other clients must not see passwords"
	case has(GrantClientCredentials) && s.Public:
		wrong["grants"] = "may contain client_credentials only for a confidential client"
	case has(GrantAuthorizationCode) && len(s.RedirectURIs) == 0:
		wrong["redirectUris"] = "must not be empty with authorization_code"
	}
	for _, scope := range s.Scopes {
		if !scopeToken(scope) {
			wrong["scopes"] = "must be words of printable ASCII without quotes and backslashes"
		}
	}
	if slices.Contains(s.Scopes, scopeOpenID) {
		wrong["scopes"] = "must not contain openid: OpenID Connect is not supported"
	}
	if s.PKCEOptional && s.Public {
		wrong["pkceOptional"] = "is only for confidential clients: public clients need PKCE (RFC 9700 2.1.1)"
	}
	for _, a := range s.Audiences {
		if a == "" || len(a) > 500 || strings.Contains(a, "#") || strings.ContainsFunc(a, func(r rune) bool { return r <= ' ' || r > '~' }) {
			wrong["audiences"] = "must be URIs without a fragment, as in https://orders.example, or other words of printable ASCII"
		}
	}
	if len(s.Audiences) > 50 {
		wrong["audiences"] = "must be at most 50"
	}
	for _, uri := range s.RedirectURIs {
		if problem := redirectProblem(uri); problem != "" {
			wrong["redirectUris"] = problem
		}
	}
	for name, ttl := range map[string]time.Duration{"accessTtl": s.AccessTTL, "idleTtl": s.IdleTTL, "absoluteTtl": s.AbsoluteTTL} {
		if ttl != 0 && (ttl < time.Minute || ttl > session.LongestSession) {
			wrong[name] = "must be 0, or from a minute to ten years"
		}
	}
	if s.AccessTTL > MaxAccessTTL {
		wrong["accessTtl"] = "must be at most a day"
	}
	if len(s.Scopes) > 100 {
		wrong["scopes"] = "must be at most 100"
	}
	if len(s.RedirectURIs) > 50 {
		wrong["redirectUris"] = "must be at most 50"
	}
	if len(wrong) > 0 {
		return &service.Error{Code: service.CodeInvalidRequest, Message: "The client is invalid.", Fields: wrong}
	}
	return nil
}

// scopeOpenID requests an ID token (OpenID Connect Core 3.1.2.1). It is refused, because a client
// that receives no ID token would fail later with a less helpful error.
const scopeOpenID = "openid"

// MaxAccessTTL is the maximum lifetime of an access token, for all settings and clients.
const MaxAccessTTL = 24 * time.Hour

func (s ClientSpec) record() repository.Client {
	some := func(list []string) []string { // without duplicates
		once := []string{}
		for _, s := range list {
			if !slices.Contains(once, s) {
				once = append(once, s)
			}
		}
		return once
	}
	return repository.Client{
		ID: s.ID, Name: s.Name, Public: s.Public, FirstParty: s.FirstParty, Disabled: s.Disabled, Grants: some(s.Grants),
		Scopes: some(s.Scopes), RedirectURIs: some(s.RedirectURIs), Audiences: some(s.Audiences),
		PKCEOptional: s.PKCEOptional, Managed: s.Managed, AccessTTL: s.AccessTTL, IdleTTL: s.IdleTTL, AbsoluteTTL: s.AbsoluteTTL,
	}
}

// scopeToken reports whether a scope has the syntax of RFC 6749 3.3.
func scopeToken(s string) bool {
	return s != "" && len(s) <= 100 && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' })
}

// redirectProblem returns the problem with a redirect URI, or "" (RFC 6749 3.1.2, RFC 8252 7). A
// redirect URI is an https URI, a loopback URI, or a URI with the app's own scheme, which must
// contain a dot.
func redirectProblem(uri string) string {
	u, err := url.Parse(uri)
	switch {
	case err != nil || u.Scheme == "" || len(uri) > 500 || strings.ContainsFunc(uri, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "must be absolute URIs"
	case strings.Contains(uri, "#"):
		return "must have no fragment"
	case u.User != nil:
		return "must have no user name"
	case !goodPort(u):
		return "must have a port from 1 to 65535, or none"
	case u.Host != "" && strings.ContainsFunc(u.Host, func(r rune) bool { return !plainHost(r) }):
		return "must have a host of letters, digits, dots and hyphens"
	case u.Scheme == "https" && u.Hostname() != "":
		return ""
	case u.Scheme == "http" && (loopbackIP(u.Hostname()) || u.Hostname() == "localhost"):
		return ""
	case u.Scheme == "http":
		return "must be https; http is for 127.0.0.1 and [::1], where the port is free, and for localhost"
	case strings.Contains(u.Scheme, "."):
		return ""
	}
	return "must be https, a loopback address, or a scheme with a dot, as in com.example.app:/callback"
}

// goodPort reports whether the port of a URI, if present, is valid for a connection.
func goodPort(u *url.URL) bool {
	if !strings.Contains(strings.TrimPrefix(u.Host, u.Hostname()), ":") && u.Port() == "" {
		return true
	}
	n, err := strconv.ParseUint(u.Port(), 10, 16)
	return err == nil && n > 0
}

func plainHost(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(".-:[]", r)
}

// loopbackIP reports whether a host is a loopback address. It excludes localhost, which may resolve
// to another host (RFC 8252 8.3), so a redirect to localhost must match in its port.
func loopbackIP(host string) bool { return host == "127.0.0.1" || host == "::1" }
