package controller

import (
	_ "embed" // the description
	"net/http"
	"strings"
	"sync"

	"github.com/gin-gonic/gin"
)

// openAPI describes every route, in OpenAPI 3.1, with the default base path. The
// tests hold what the service answers against it.
//
//go:embed openapi.yaml
var openAPI string

// describeAPI returns the description with the paths of a deployment, which users reach
// under a prefix.
func describeAPI(prefix, basePath string) string {
	text := strings.ReplaceAll(openAPI, "/api/", basePath+"/")
	return strings.Replace(text, "  - url: /\n", "  - url: "+prefix+"/\n", 1)
}

// routeDescription serves the description to programs, and to people as a page
// that is written once, for the first who asks: a start need not wait for it.
func (s *server) routeDescription(engine *gin.Engine, public publicRoutes) {
	text, policy := describeAPI(s.PublicURL.Path, s.BasePath), docsPolicy()
	page := sync.OnceValue(func() []byte {
		page, err := docsHTML(text)
		if err != nil {
			panic(err) // it was embedded, and the tests read it
		}
		return []byte(page)
	})
	public.get(engine, "/openapi.yaml", func(c *gin.Context) {
		c.Header("Cache-Control", "no-cache")
		c.Data(http.StatusOK, "application/yaml", []byte(text))
	})
	engine.GET("/docs", func(c *gin.Context) {
		c.Header("Cache-Control", "no-cache")
		c.Header("Content-Security-Policy", policy)
		c.Data(http.StatusOK, "text/html; charset=utf-8", page())
	})
}
