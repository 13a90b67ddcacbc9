package app

import (
	"context"
	"strings"
	"unicode"

	"latchkey/config"
	"latchkey/service/audit"
	"latchkey/service/oauth"
)

// ApplyClients creates and updates the managed clients that a file declares. From is recorded
// in the audit log.
func ApplyClients(ctx context.Context, file string, clients *oauth.Clients, from audit.Origin) (oauth.Applied, error) {
	declared, err := declaredClients(file)
	if err != nil {
		return oauth.Applied{}, err
	}
	return clients.Apply(ctx, declared, from)
}

// declaredClients reads a file of clients. Its error has every problem, with its line, also those
// that only the service of clients finds.
func declaredClients(file string) (declared []oauth.DeclaredClient, err error) {
	_, err = config.LoadClients(file, func(list []config.Client, report func(i int, key, problem string)) {
		for _, c := range list {
			declared = append(declared, oauth.DeclaredClient{Secret: oauth.ClientSecret(c.Secret.Reveal()), ClientSpec: oauth.ClientSpec{
				ID: c.ID, Name: c.Name, Public: c.Public, FirstParty: c.FirstParty, Disabled: c.Disabled, PKCEOptional: c.PKCEOptional,
				Grants: c.Grants, Scopes: c.Scopes, RedirectURIs: c.RedirectURIs, Audiences: c.Audiences,
				AccessTTL: c.AccessTTL, IdleTTL: c.IdleTTL, AbsoluteTTL: c.AbsoluteTTL,
			}})
		}
		for _, wrong := range oauth.CheckDeclared(declared) {
			report(wrong.Index, keyOf(wrong.Field), wrong.Problem)
		}
	})
	return declared, err
}

// keyOf returns the key of the file for a field of the API: redirect_uris for redirectUris.
func keyOf(field string) string {
	var b strings.Builder
	for _, r := range field {
		if unicode.IsUpper(r) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
