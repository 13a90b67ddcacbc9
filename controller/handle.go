package controller

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"latchkey/controller/problem"
	"latchkey/service"
)

// call is what a handler sees of a request beside its body.
type call struct {
	r       *http.Request
	address string
	param   func(name string) string // a part of the path
}

func (c *call) ctx() context.Context { return c.r.Context() }

// from is where the request came from.
func (c *call) from() service.Origin {
	return service.Origin{
		RequestID: problem.RequestID(c.ctx()), Address: c.address, Agent: service.DescribeAgent(c.r.UserAgent()),
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
}

// handle runs a handler: it decodes, calls, and writes once.
func handle[Req any](s *server, f func(*call, Req) (reply, error)) gin.HandlerFunc {
	return func(c *gin.Context) {
		var out reply
		req, err := decode[Req](c.Writer, c.Request)
		if err == nil {
			out, err = f(&call{r: c.Request, address: c.ClientIP(), param: c.Param}, req)
		}
		for _, cookie := range out.cookies {
			http.SetCookie(c.Writer, cookie)
		}
		if err != nil {
			_ = c.Error(err)
			s.problems.Write(c.Request.Context(), c.Writer, err)
			return
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
