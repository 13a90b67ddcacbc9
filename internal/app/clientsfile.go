package app

import (
	"context"

	"latchkey/config"
	"latchkey/service/audit"
	"latchkey/service/oauth"
)

// ApplyClients creates and updates the managed clients that a file declares. From is recorded
// in the audit log.
func ApplyClients(ctx context.Context, file string, clients *oauth.Clients, from audit.Origin) (oauth.Applied, error) {
	list, err := config.LoadClients(file)
	if err != nil {
		return oauth.Applied{}, err
	}
	declared := make([]oauth.DeclaredClient, len(list))
	for i, c := range list {
		declared[i] = oauth.DeclaredClient{Secret: oauth.ClientSecret(c.Secret.Reveal()), ClientSpec: oauth.ClientSpec{
			ID: c.ID, Name: c.Name, Public: c.Public, FirstParty: c.FirstParty, Disabled: c.Disabled, PKCEOptional: c.PKCEOptional,
			Grants: c.Grants, Scopes: c.Scopes, RedirectURIs: c.RedirectURIs, Audiences: c.Audiences,
			AccessTTL: c.AccessTTL, IdleTTL: c.IdleTTL, AbsoluteTTL: c.AbsoluteTTL,
		}}
	}
	return clients.Apply(ctx, declared, from)
}
