package controller

import (
	"html"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"latchkey/middleware"
	"latchkey/service/session"
	"latchkey/web"
)

// demoTypes maps the files of the page to their media types.
var demoTypes = map[string]string{
	"index.html": "text/html; charset=utf-8",
	"demo.css":   "text/css; charset=utf-8",
	"demo.js":    "text/javascript; charset=utf-8",
	"client.js":  "text/javascript; charset=utf-8",
}

// demoPolicy lets the page load its own files and call the service, and nothing else.
const demoPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// routeDemo serves the page.
func (s *server) routeDemo(engine *gin.Engine, session gin.HandlerFunc) {
	engine.GET("/demo", s.demoFile("index.html"))
	for name := range demoTypes {
		if name != "index.html" {
			engine.GET("/demo/"+name, s.demoFile(name))
		}
	}
	engine.POST("/demo/expire", middleware.NoStore(), session, handleLive(s, s.demoExpire))
}

// mailHint returns a sentence for developers about where mails go.
func (s *server) mailHint() string {
	if s.Mail == "" {
		return "This service sends no mail: set mail.url."
	}
	return "Mails go to: " + s.Mail + "."
}

// demoFile serves a file of the page and inserts the path of the API.
func (s *server) demoFile(name string) gin.HandlerFunc {
	text, err := web.Demo.ReadFile(path.Join("demo", name))
	if err != nil {
		panic(err) // the file is embedded
	}
	if name == "index.html" {
		text = []byte(strings.NewReplacer("{{api}}", html.EscapeString(s.path(s.BasePath)), "{{demo}}", html.EscapeString(s.path("/demo")),
			"{{mail}}", html.EscapeString(s.mailHint())).Replace(string(text)))
	}
	return func(c *gin.Context) {
		c.Header("Content-Security-Policy", demoPolicy)
		c.Header("Cache-Control", "no-cache")
		c.Header("Referrer-Policy", "same-origin") // the CSRF check needs the origin of a form
		c.Data(http.StatusOK, demoTypes[name], text)
	}
}

// demoExpire handles POST /demo/expire: it replaces the access cookie by a cookie that has just
// expired, as if time had passed.
func (s *server) demoExpire(_ *call, who session.Live, _ empty) (reply, error) {
	token, err := s.Tokens.Expired(who.Subject)
	if err != nil {
		return reply{}, err
	}
	cookie := s.tokenCookie("Bearer%20"+string(token), int(24*time.Hour/time.Second))
	return reply{status: http.StatusNoContent, cookies: []*http.Cookie{cookie}}, nil
}
