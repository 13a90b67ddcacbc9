package middleware_test

import (
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"

	"latchkey/middleware"
	"latchkey/middleware/access"
)

// Guards for Gin, in a service that knows Latchkey by its URL alone.
func ExampleNewAccess() {
	issuer := startLatchkey()
	defer issuer.stop()
	guard, err := access.New(access.Options{Verifier: access.NewRemote(access.RemoteOptions{
		JWKSURL: issuer.URL + "/.well-known/jwks.json",
		Issuer:  issuer.URL, Audience: "latchkey",
	})})
	if err != nil {
		panic(err)
	}
	guards := middleware.NewAccess(guard, nil)

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
