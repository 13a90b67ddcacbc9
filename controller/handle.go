package controller

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"latchkey/middleware/access"
	"latchkey/middleware/problem"
	"latchkey/service"
	"latchkey/service/audit"
	"latchkey/service/session"
)

// call is what a handler sees of a request beside its body.
type call struct {
	r       *http.Request
	address string
	param   func(name string) string // a part of the path
}

func (c *call) ctx() context.Context { return c.r.Context() }

// from is where the request came from.
func (c *call) from() audit.Origin {
	return audit.Origin{
		RequestID: problem.RequestID(c.ctx()), Address: c.address, Agent: audit.DescribeAgent(c.r.UserAgent()),
	}
}

// reply is what a handler answers. Its cookies go out with an error, too.
type reply struct {
	status   int // default 200
	body     any // nil: none
	location string
	// mediaType is that of the body; default application/json.
	mediaType string
	// maxAge is how long anyone may cache the answer; 0: what the route says.
	maxAge  time.Duration
	cookies []*http.Cookie
	header  map[string]string
	// cause is why the status is not a good one, for the log.
	cause error
}

// handle runs a handler that anybody may call: it decodes, calls, and writes once.
func handle[Req any](s *server, f func(*call, Req) (reply, error)) gin.HandlerFunc {
	return s.respond(func(c *gin.Context) (reply, error) {
		req, err := decode[Req](c.Writer, c.Request)
		if err != nil {
			return reply{}, err
		}
		return f(callOf(c), req)
	})
}

// handleLive runs a handler of a route that demands an access token. It calls the
// handler for the subject of the token, and only if the subject's session is live. A
// guard stands before it.
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

// ended answers an access token whose session is not live. If the session is known to
// be over, the browser forgets the access cookie, unless it has a refresh cookie: then a
// refresh decides what becomes of both, and this answer could arrive after the refresh's.
func (s *server) ended(r *http.Request, err error) (reply, error) {
	found, _ := s.cookies.AccessToken(r)
	if found.InCookie && service.AsError(err).SessionOver && !s.cookies.Refreshable(r) {
		return reply{cookies: []*http.Cookie{s.tokenCookie("", -1)}}, err
	}
	return reply{}, err
}

func callOf(c *gin.Context) *call { return &call{r: c.Request, address: c.ClientIP(), param: c.Param} }

// respond writes what a handler returns.
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
		if out.body == nil {
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
		_ = json.NewEncoder(c.Writer).Encode(out.body) // a client that has gone is nobody to tell
	}
}

// isoTime is a time as it stands in bodies: ISO 8601, UTC, milliseconds.
type isoTime string

func iso(t time.Time) isoTime {
	return isoTime(t.UTC().AppendFormat(make([]byte, 0, len(isoLayout)), isoLayout))
}

const isoLayout = "2006-01-02T15:04:05.000Z"
