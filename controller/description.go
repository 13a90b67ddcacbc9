package controller

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"latchkey/controller/apidoc"
)

// routeDescription serves the description of the API, as YAML and as a page.
func (s *server) routeDescription(engine *gin.Engine, public publicRoutes) {
	text := []byte(apidoc.Description(s.PublicURL.Path, s.BasePath))
	html, policy := []byte(apidoc.Page(s.BasePath)), apidoc.PagePolicy()
	public.get(engine, "/openapi.yaml", func(c *gin.Context) {
		c.Header("Cache-Control", "no-cache")
		c.Data(http.StatusOK, "application/yaml", text)
	})
	engine.GET("/docs", func(c *gin.Context) {
		c.Header("Cache-Control", "no-cache")
		c.Header("Content-Security-Policy", policy)
		c.Data(http.StatusOK, "text/html; charset=utf-8", html)
	})
}
