// Package access guards routes of any net/http server with Latchkey's access tokens. It finds
// the token in a request and checks the requirements of a guard. A Verifier checks the token
// itself, without I/O. The package uses neither Gin, nor a database, nor Redis. Package
// middleware has the same guards for Gin.
//
// In your own service, which knows only the URL of the issuer:
//
//	verifier := access.NewRemote(access.RemoteOptions{
//		JWKSURL: "https://auth.example.org/.well-known/jwks.json",
//		Issuer:  "https://auth.example.org", Audience: "latchkey",
//	})
//	guard, err := access.New(access.Options{Verifier: verifier})
//	…
//	mux.Handle("GET /orders", guard.RequireScope("orders:read")(orders))
//
//	func orders(w http.ResponseWriter, r *http.Request) {
//		subject, _ := access.FromContext(r.Context())
//
// A guard processes a request in these steps. Each refusal is a problem of package
// middleware/problem:
//
//	find      header Authorization or accesstoken, or else cookie  token_missing, token_malformed
//	CSRF      only if the token came in a cookie                   csrf_denied
//	verify    signature, issuer, audience, times                   token_invalid, token_expired
//	require   session, privilege, scope, age of the login          privilege_denied, insufficient_scope, …
package access
