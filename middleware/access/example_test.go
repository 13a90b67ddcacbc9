package access_test

import (
	"fmt"
	"net/http"

	"latchkey/middleware/access"
)

// trust returns a guard that trusts the Latchkey at a URL.
func trust(issuer string) *access.Guard {
	guard, err := access.New(access.Options{Verifier: access.NewRemote(access.RemoteOptions{
		JWKSURL: issuer + "/.well-known/jwks.json",
		Issuer:  issuer, Audience: "latchkey",
	})})
	if err != nil {
		panic(err)
	}
	return guard
}

// A service that knows the issuer by its URL alone. It fetches the public keys at the first request.
func ExampleNewRemote() {
	issuer := startIssuer()
	defer issuer.stop()

	guard, err := access.New(access.Options{Verifier: access.NewRemote(access.RemoteOptions{
		JWKSURL: issuer.URL + "/.well-known/jwks.json",
		Issuer:  issuer.URL, Audience: "latchkey",
	})})
	if err != nil {
		panic(err)
	}
	orders := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		subject, _ := access.FromContext(r.Context())
		fmt.Println("a user:", subject.UserID != "", "privilege:", subject.Privilege)
	})
	api := guard.RequireAccess(orders)

	fmt.Println(status(api, "GET", ""))
	fmt.Println(status(api, "GET", issuer.token("ada", 0, "")))
	// Output:
	// 401
	// a user: true privilege: 0
	// 200
}

// A route for clients whose access token has a scope.
func ExampleGuard_RequireScope() {
	issuer := startIssuer()
	defer issuer.stop()
	guard := trust(issuer.URL)
	ok := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})

	api := http.NewServeMux()
	api.Handle("GET /orders", guard.RequireScope("orders:read")(ok))
	api.Handle("POST /orders", guard.RequireScope("orders:write")(ok))

	reader := issuer.token("", 0, "orders:read")
	fmt.Println(status(api, "GET", reader))
	fmt.Println(status(api, "POST", reader))
	// Output:
	// 200
	// 403
}

// A route for administrators.
func ExampleGuard_RequirePrivilege() {
	issuer := startIssuer()
	defer issuer.stop()
	guard := trust(issuer.URL)
	ok := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})

	api := guard.RequirePrivilege(2)(ok)

	fmt.Println(status(api, "DELETE", issuer.token("ada", 0, "")))
	fmt.Println(status(api, "DELETE", issuer.token("grace", 2, "")))
	// Output:
	// 403
	// 200
}
