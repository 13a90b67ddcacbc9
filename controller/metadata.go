package controller

import (
	"net/url"
	"strings"
	"time"

	"latchkey/service/oauth"
)

// metadataBody is RFC 8414 2. It names only features that the service supports.
type metadataBody struct {
	Issuer                string   `json:"issuer"`
	AuthorizationEndpoint string   `json:"authorization_endpoint"`
	TokenEndpoint         string   `json:"token_endpoint"`
	JWKSURI               string   `json:"jwks_uri"`
	ResponseTypes         []string `json:"response_types_supported"`
	ResponseModes         []string `json:"response_modes_supported"`
	GrantTypes            []string `json:"grant_types_supported"`
	TokenAuthMethods      []string `json:"token_endpoint_auth_methods_supported"`
	RevocationEndpoint    string   `json:"revocation_endpoint"`
	RevocationAuthMethods []string `json:"revocation_endpoint_auth_methods_supported"`
	IntrospectionEndpoint string   `json:"introspection_endpoint"`
	IntrospectionAuth     []string `json:"introspection_endpoint_auth_methods_supported"`
	CodeChallengeMethods  []string `json:"code_challenge_methods_supported"`
	Scopes                []string `json:"scopes_supported"`
	IssInAnswers          bool     `json:"authorization_response_iss_parameter_supported"` // RFC 9207 3
}

const metadataPath = "/.well-known/oauth-authorization-server"

// metadataPaths returns the paths of the metadata of an issuer: also with the issuer's path
// after the well-known path (RFC 8414 3).
func metadataPaths(issuer string) []string {
	paths := []string{metadataPath}
	if u, err := url.Parse(issuer); err == nil && strings.Trim(u.Path, "/") != "" && !strings.ContainsAny(u.Path, ":*") {
		paths = append(paths, metadataPath+strings.TrimSuffix(u.Path, "/"))
	}
	return paths
}

// metadata handles GET /.well-known/oauth-authorization-server.
func (s *server) metadata(c *call, _ empty) (reply, error) {
	base := s.PublicURL.String()
	secret := []string{"client_secret_basic", "client_secret_post"}
	all := append([]string{"none"}, secret...)
	return reply{maxAge: time.Hour, body: metadataBody{
		Issuer: s.Issuer, AuthorizationEndpoint: base + "/oauth/authorize", TokenEndpoint: base + "/oauth/token",
		JWKSURI: base + "/.well-known/jwks.json", ResponseTypes: []string{"code"}, ResponseModes: []string{"query"},
		GrantTypes: oauth.Grants(), TokenAuthMethods: all,
		RevocationEndpoint: base + "/oauth/revoke", RevocationAuthMethods: all,
		IntrospectionEndpoint: base + "/oauth/introspect", IntrospectionAuth: secret,
		CodeChallengeMethods: []string{"S256"}, Scopes: s.Clients.Scopes(c.ctx()), IssInAnswers: true,
	}}, nil
}
