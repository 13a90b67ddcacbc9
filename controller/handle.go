package controller

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"latchkey/middleware"
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
		RequestID: middleware.RequestID(c.ctx()), Address: c.address, Agent: service.DescribeAgent(c.r.UserAgent()),
	}
}

// reply is what a handler answers. Its cookies go out with an error, too.
type reply struct {
	status   int // default 200
	body     any // nil: none
	location string
	cookies  []*http.Cookie
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
			s.problems.Write(c.Writer, middleware.RequestID(c.Request.Context()), err)
			return
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
		c.Header("Content-Type", "application/json; charset=utf-8")
		c.Status(out.status)
		_ = json.NewEncoder(c.Writer).Encode(out.body) // a client that has gone is nobody to tell
	}
}

// iso is a time as it stands in bodies: ISO 8601, UTC, milliseconds.
type iso time.Time

// MarshalText implements encoding.TextMarshaler.
func (t iso) MarshalText() ([]byte, error) {
	return time.Time(t).UTC().AppendFormat(nil, "2006-01-02T15:04:05.000Z"), nil
}
