package access_test

import (
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"

	"latchkey/middleware"
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

// A service that knows Latchkey by its URL alone. It fetches the public keys at the first request.
func ExampleNewRemote() {
	issuer := startLatchkey()
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
	fmt.Println(status(api, "GET", issuer.login("ada")))
	// Output:
	// 401
	// a user: true privilege: 0
	// 200
}

// A route for clients whose access token has a scope.
func ExampleGuard_RequireScope() {
	issuer := startLatchkey()
	defer issuer.stop()
	guard := trust(issuer.URL)
	ok := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})

	api := http.NewServeMux()
	api.Handle("GET /orders", guard.RequireScope("orders:read")(ok))
	api.Handle("POST /orders", guard.RequireScope("orders:write")(ok))

	reader := issuer.robot("orders:read")
	fmt.Println(status(api, "GET", reader))
	fmt.Println(status(api, "POST", reader))
	// Output:
	// 200
	// 403
}

// A route for administrators.
func ExampleGuard_RequirePrivilege() {
	issuer := startLatchkey()
	defer issuer.stop()
	guard := trust(issuer.URL)
	ok := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})

	api := guard.RequirePrivilege(2)(ok)

	fmt.Println(status(api, "DELETE", issuer.login("ada")))
	fmt.Println(status(api, "DELETE", issuer.login("grace")))
	// Output:
	// 403
	// 200
}

// The same guards for Gin are in package middleware.
func Example_gin() {
	issuer := startLatchkey()
	defer issuer.stop()
	guards := middleware.NewAccess(trust(issuer.URL), nil)

	gin.SetMode(gin.ReleaseMode)
	api := gin.New()
	api.GET("/orders", guards.RequireAccess(), func(c *gin.Context) {
		subject, _ := access.FromContext(c.Request.Context())
		c.JSON(http.StatusOK, gin.H{"user": subject.UserID})
	})
	api.DELETE("/orders", guards.RequirePrivilege(2), func(c *gin.Context) { c.Status(http.StatusNoContent) })

	token := issuer.login("ada")
	fmt.Println(status(api, "GET", ""))
	fmt.Println(status(api, "GET", token))
	fmt.Println(status(api, "DELETE", token))
	// Output:
	// 401
	// 200
	// 403
}
