package controller_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/google/uuid"

	"latchkey/config"
	"latchkey/controller/apidoc"
)

// described checks the traffic between clients and an instance against openapi.yaml: every
// response, and every request that was accepted. It watches every test of this package.
type described struct {
	router   routers.Router
	statuses map[string]int // error codes to the statuses of the instance

	mu     sync.Mutex
	faults map[string]bool
	seen   *coverage // or nil
}

// coverage records which operations and errors the tests exercised.
type coverage struct {
	mu                  sync.Mutex
	requests, responses int
	operations, errors  map[string]bool
}

// describedBy returns a checker that reports its findings at the end of the test.
func describedBy(t testing.TB, cfg config.Config) *described {
	d := &described{router: routerOf(t, cfg.Server.PublicURL.Path, cfg.Server.BasePath), statuses: cfg.Errors.Status, faults: map[string]bool{}}
	t.Cleanup(func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		for _, fault := range slices.Sorted(maps.Keys(d.faults)) {
			t.Errorf("openapi.yaml: %s", fault)
		}
	})
	return d
}

var loaded sync.Map // prefix and base path to *description

type description struct {
	once   sync.Once
	doc    *openapi3.T
	router routers.Router
	err    error
}

// load returns the description for a base path. It parses each description once, because that
// is slow.
func load(basePath string) *description { return loadUnder("", basePath) }

// loadUnder is load for a service that users reach under a prefix.
func loadUnder(prefix, basePath string) *description {
	entry, _ := loaded.LoadOrStore([2]string{prefix, basePath}, &description{})
	d := entry.(*description)
	d.once.Do(func() {
		formats()
		if d.doc, d.err = openapi3.NewLoader().LoadFromData([]byte(apidoc.Description(prefix, basePath))); d.err == nil {
			d.router, d.err = gorillamux.NewRouter(d.doc)
		}
	})
	return d
}

func routerOf(t testing.TB, prefix, basePath string) routers.Router {
	d := loadUnder(prefix, basePath)
	must(t, d.err)
	return d.router
}

// formats registers the formats and the media types of the description.
var formats = sync.OnceFunc(func() {
	check := func(name string, f func(string) error) {
		openapi3.DefineStringFormatValidator(name, openapi3.NewCallbackValidator(f))
	}
	check("uuid", uuid.Validate)
	check("email", func(s string) error { _, err := mail.ParseAddress(s); return err })
	check("uri", func(s string) error {
		if u, err := url.Parse(s); err != nil || !u.IsAbs() {
			return errors.New("not absolute")
		}
		return nil
	})
	openapi3filter.RegisterBodyDecoder("application/jsonl", openapi3filter.RegisteredBodyDecoder("text/plain"))
	openapi3filter.RegisterBodyDecoder("text/csv", openapi3filter.RegisteredBodyDecoder("text/plain"))
	openapi3filter.RegisterBodyDecoder("application/jwk-set+json", openapi3filter.RegisteredBodyDecoder("application/json"))
})

// through returns a transport that checks the traffic of another transport.
func (d *described) through(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		sent := read(&req.Body)
		res, err := next.RoundTrip(req)
		if err != nil {
			return res, err
		}
		whole := res.ContentLength
		got := read(&res.Body)
		if whole < 0 || int64(len(got)) == whole { // otherwise the response was cut off on the way
			d.check(req, sent, res, got)
		}
		return res, nil
	})
}

func (d *described) check(req *http.Request, sent []byte, res *http.Response, got []byte) {
	sent = bytes.TrimSpace(bytes.TrimPrefix(sent, []byte("\uFEFF"))) // OpenAPI describes only what is left
	target := *req.URL
	if strings.HasPrefix(target.Path, "/.well-known/oauth-authorization-server/") {
		target.Path = "/.well-known/oauth-authorization-server"
	}
	copied := req.Clone(context.WithoutCancel(req.Context()))
	copied.URL, copied.Host, copied.Body = &target, "", io.NopCloser(bytes.NewReader(sent))
	copied.GetBody = nil // which would return the body as it was sent
	if len(sent) == 0 {
		copied.Body = nil
	}
	route, params, err := d.router.FindRoute(copied)
	switch {
	case err == nil:
	case res.StatusCode == http.StatusNotFound, res.StatusCode == http.StatusMethodNotAllowed, res.StatusCode == http.StatusTooManyRequests,
		req.Method == http.MethodOptions, strings.HasPrefix(target.Path, "/demo"):
		return
	default:
		d.fault(req.Method, "a path", res.StatusCode, "is not described")
		return
	}
	in := &openapi3filter.RequestValidationInput{
		Request: copied, PathParams: params, QueryParams: target.Query(), Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, SkipSettingDefaults: true},
	}
	ctx := copied.Context()
	accepted := res.StatusCode < http.StatusBadRequest && !refusal(res)
	if accepted {
		if err := openapi3filter.ValidateRequest(ctx, in); err != nil {
			d.fault(req.Method, route.Path, res.StatusCode, "the request: "+reason(err))
		}
	}
	if route.Operation.Responses.Status(res.StatusCode) == nil && !slices.Contains(slices.Collect(maps.Values(d.statuses)), res.StatusCode) {
		d.fault(req.Method, route.Path, res.StatusCode, "the status is not described")
	}
	out := (&openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: res.StatusCode, Header: res.Header,
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	}).SetBodyBytes(got)
	if err := openapi3filter.ValidateResponse(ctx, out); err != nil {
		d.fault(req.Method, route.Path, res.StatusCode, "the answer: "+reason(err))
	}
	if described := route.Operation.Responses.Status(res.StatusCode); described != nil && len(described.Value.Content) == 0 && len(got) > 0 {
		d.fault(req.Method, route.Path, res.StatusCode, "the answer has a body")
	}
	d.seen.add(route.Operation.OperationID, accepted, res, got)
}

// refusal reports whether a redirect reports an invalid request to the client.
func refusal(res *http.Response) bool {
	u, err := res.Location()
	return err == nil && u.Query().Get("error") != ""
}

// add counts a request and its response. It does nothing on a nil coverage.
func (c *coverage) add(operation string, accepted bool, res *http.Response, body []byte) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.responses++
	if accepted {
		c.requests++
		c.operations[operation] = true
	}
	var told struct{ Error string }
	if json.Unmarshal(body, &told) == nil && told.Error != "" {
		c.errors[told.Error] = true
	}
	if u, err := res.Location(); err == nil && u.Query().Has("error") {
		c.errors[u.Query().Get("error")] = true
	}
}

func (d *described) fault(method, path string, status int, what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults[fmt.Sprintf("%s %s, %d: %s", method, path, status, what)] = true
}

// reason returns the reason of an error without any value: the log must not contain tokens.
func reason(err error) string {
	var parts []string
	var request *openapi3filter.RequestError
	var response *openapi3filter.ResponseError
	switch {
	case errors.As(err, &request):
		if request.Parameter != nil {
			parts = append(parts, request.Parameter.In+" "+request.Parameter.Name)
		}
		parts = append(parts, where(request.Reason), schemaFault(request.Err))
	case errors.As(err, &response):
		parts = append(parts, where(response.Reason), schemaFault(response.Err))
	default:
		return fmt.Sprintf("%T", err)
	}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ": ")
}

// where removes the parts of a reason that quote the message.
func where(reason string) string {
	if text, _, found := strings.Cut(reason, `: "`); found {
		return text
	}
	return reason
}

// schemaFault names the members that violate the schema, and the keywords that they violate.
func schemaFault(err error) string {
	var all openapi3.MultiError
	var e *openapi3.SchemaError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e):
		text := "/" + strings.Join(e.JSONPointer(), "/") + " " + e.SchemaField
		if e.Origin != nil {
			if inner := schemaFault(e.Origin); inner != "" && !strings.Contains(inner, "*") {
				text += " (" + inner + ")"
			}
		}
		return text
	case errors.As(err, &all):
		var texts []string
		for _, one := range all {
			texts = append(texts, schemaFault(one))
		}
		return strings.Join(texts, ", ")
	}
	return fmt.Sprintf("%T", err)
}
