// Package access guards routes of any net/http server by Latchkey's access
// tokens. It owns how a token is found in a request and what a guard demands; the
// token itself is checked by a Verifier, without I/O. It needs neither Gin, nor a
// database, nor Redis; package middleware has the same guards for Gin.
//
// In a service of your own, which knows the issuer by its URL alone:
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
// A request goes through one guard as follows; each refusal is a problem of
// package middleware/problem:
//
//	find     header Authorization or accesstoken, else cookie    token_missing, token_malformed
//	CSRF     where the token came in a cookie                    csrf_denied
//	verify   signature, issuer, audience, times                  token_invalid, token_expired
//	demands  session, privilege, scope, age of the log-in        privilege_denied, insufficient_scope, …
package access
