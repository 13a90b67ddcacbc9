package controller

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"latchkey/middleware"
	"latchkey/middleware/access"
	"latchkey/middleware/problem"
	"latchkey/service"
	"latchkey/service/audit"
	"latchkey/service/session"
)

// call is a handler's view of a request, apart from the body.
type call struct {
	r       *http.Request
	address string
	param   func(name string) string // a parameter of the path
}

func (c *call) ctx() context.Context { return c.r.Context() }

// from returns the origin of the request.
func (c *call) from() audit.Origin {
	return audit.Origin{
		RequestID: problem.RequestID(c.ctx()), Address: c.address, Agent: audit.DescribeAgent(c.r.UserAgent()),
	}
}

// reply is the result of a handler. Its cookies are also sent with an error.
type reply struct {
	status   int // default 200
	body     any // nil: none
	location string
	// stream writes a body that is too long to be kept in memory; nil: there is a body.
	stream func(http.ResponseWriter) error
	// mediaType is the media type of the body; default application/json.
	mediaType string
	// maxAge is how long any cache may keep the response; 0: the default of the route.
	maxAge  time.Duration
	cookies []*http.Cookie
	header  map[string]string
	// cause is the reason for an error status, for the log.
	cause error
}

// handle runs a handler that needs no access token: it decodes, calls, and writes once.
func handle[Req any](s *server, f func(*call, Req) (reply, error)) gin.HandlerFunc {
	return s.respond(func(c *gin.Context) (reply, error) {
		req, err := decode[Req](c.Writer, c.Request)
		if err != nil {
			return reply{}, err
		}
		return f(callOf(c), req)
	})
}

// handleLive runs a handler of a route that requires an access token. It calls the handler with
// the subject of the token, and only if the subject's session is live. The route must also have
// a guard.
func handleLive[Req any](s *server, f func(*call, session.Live, Req) (reply, error)) gin.HandlerFunc {
	return s.respond(func(c *gin.Context) (reply, error) {
		subject, _ := access.FromContext(c.Request.Context())
		live, err := s.Sessions.State(c.Request.Context(), subject)
		if err != nil {
			return s.ended(c.Request, err)
		}
		req, err := decode[Req](c.Writer, c.Request)
		if err != nil {
			return reply{}, err
		}
		return f(callOf(c), live, req)
	})
}

// ended returns the reply to an access token whose session is not live. If the session is known
// to be over, the reply deletes the access cookie, as forget says.
func (s *server) ended(r *http.Request, err error) (reply, error) {
	found, _ := s.cookies.AccessToken(r)
	if found.InCookie && service.AsError(err).SessionOver {
		return reply{cookies: s.forget(r)}, err
	}
	return reply{}, err
}

func callOf(c *gin.Context) *call { return &call{r: c.Request, address: c.ClientIP(), param: c.Param} }

// respond writes the reply of a handler.
func (s *server) respond(f func(*gin.Context) (reply, error)) gin.HandlerFunc {
	return func(c *gin.Context) {
		out, err := f(c)
		for _, cookie := range out.cookies {
			http.SetCookie(c.Writer, cookie)
		}
		if err != nil {
			_ = c.Error(err)
			s.problems.Write(c.Request.Context(), c.Writer, err)
			return
		}
		if out.cause != nil {
			_ = c.Error(out.cause)
		}
		for name, value := range out.header {
			c.Header(name, value)
		}
		if out.location != "" {
			c.Header("Location", out.location)
		}
		if out.status == 0 {
			out.status = http.StatusOK
		}
		if out.body == nil && out.stream == nil {
			c.Status(out.status)
			c.Writer.WriteHeaderNow()
			return
		}
		if out.mediaType == "" {
			out.mediaType = "application/json; charset=utf-8"
		}
		c.Header("Content-Type", out.mediaType)
		if out.maxAge > 0 {
			c.Header("Cache-Control", "public, max-age="+strconv.Itoa(int(out.maxAge.Seconds())))
		}
		c.Status(out.status)
		if out.stream != nil {
			if err := out.stream(c.Writer); err != nil {
				_ = c.Error(err)
				middleware.Incomplete(c)
			}
			return
		}
		_ = json.NewEncoder(c.Writer).Encode(out.body) // fails only if the client has disconnected
	}
}

// isoTime is the format of times in bodies: ISO 8601, UTC, milliseconds.
type isoTime string

func iso(t time.Time) isoTime {
	return isoTime(t.UTC().AppendFormat(make([]byte, 0, len(isoLayout)), isoLayout))
}

const isoLayout = "2006-01-02T15:04:05.000Z"
