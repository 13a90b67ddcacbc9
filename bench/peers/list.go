package main

// The keys of the servers that a bar names.
const (
	ours         = "latchkey"
	oursEmbedded = "latchkey-sqlite"
	ofPocketBase = "pocketbase"
	ofKeratin    = "keratin"
	ofExpress    = "express-plain"
	ofSupabase   = "supabase"
)

var peers = []peer{
	{key: ours, name: "Latchkey, Postgres + Redis", stores: "Postgres, Redis", signs: "HS256", refresh: onRefresh, start: onServers},
	{key: "latchkey-es256", name: "Latchkey, Postgres + Redis, access tokens by ES256", stores: "Postgres, Redis", signs: "ES256 (the default)", refresh: onRefresh, start: public},
	{key: oursEmbedded, name: "Latchkey, SQLite (synchronous=FULL)", stores: "SQLite", signs: "HS256", refresh: onRefresh, start: onFile},
	{
		key: ofPocketBase, name: "PocketBase", program: "base", module: "github.com/pocketbase/pocketbase/examples/base@v0.40.4", stores: "SQLite", signs: "HS256",
		refresh: "checks the token, reads the user, and signs another token; it writes nothing, and earlier tokens remain valid", start: pocketbase,
	},
	{
		key: ofExpress, name: "Express without an ORM, two processes", program: "express-plain.js", stores: "Postgres", signs: "HS256",
		refresh: "replaces the token by one prepared statement; a token that comes back is only refused", start: express,
	},
	{
		key: ofKeratin, name: "keratin/authn-server", program: "authn-server", install: "its releases are at github.com/keratin/authn-server (1.20.1 was measured)", stores: "Postgres, Redis", signs: "RS256",
		refresh: "reads the session, renews its expiry, and signs an access token; the session keeps its token", start: keratin,
	},
	{
		key: "oidc-provider", name: "node oidc-provider", program: "oidc-provider.js", stores: "Redis", signs: "opaque",
		refresh: "marks the token as used and makes another; revokes the grant if a used token comes back", start: oidcProvider,
	},
	{
		key: "express-orm", name: "Express with an ORM, as articles teach it", program: "express-orm.js", stores: "Postgres", signs: "HS256",
		refresh: "finds the token and the user, then updates the row; a token that comes back is only refused", start: express,
	},
	{
		key: "better-auth", name: "better-auth with its JWT plugin", program: "better-auth.js", stores: "Postgres", signs: "EdDSA",
		refresh: "reads the session and signs an access token; the session keeps its token", start: betterAuth,
	},
	{
		key: "dex", name: "dex", program: "dex", install: "its releases are at github.com/dexidp/dex", stores: "Postgres", signs: "RS256",
		refresh: "replaces the token in a transaction, and keeps one refresh token for a user and a client", start: dex,
	},
	{
		key: ofSupabase, name: "supabase/auth", program: "auth", install: "its releases are at github.com/supabase/auth", stores: "Postgres", signs: "HS256",
		refresh: "replaces the token in a transaction; ends the session if a superseded token comes back after 10 s", start: supabase,
	},
}
