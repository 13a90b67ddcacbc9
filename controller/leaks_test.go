package controller_test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// leaks collects the secrets that travel between clients and an instance, and the log of the
// instance at debug level. At the end of a test the log must not contain any of the secrets. It
// watches every test of this package.
type leaks struct {
	mu      sync.Mutex
	log     bytes.Buffer
	secrets map[string]string // secrets to the place where each was seen
}

// watchLeaks returns a collector that compares log and secrets at the end of the test.
func watchLeaks(t testing.TB) *leaks {
	l := &leaks{secrets: map[string]string{rootSecret: "settings"}}
	t.Cleanup(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, where := range l.found() {
			t.Errorf("the log has a secret that was seen in: %s", where) // the message omits the secret, because it is logged, too
		}
	})
	return l
}

// aJWT matches the header of a JWT, which starts with {" in base64url, and the dot after it.
// The kid of a key may contain these letters by chance. There are too many tokens to search for
// each.
var aJWT = regexp.MustCompile(`eyJ[\w-]{10,}\.`)

func (l *leaks) found() (where []string) {
	if l.log.Len() == 0 {
		return []string{"nothing: no line was logged, so nothing is shown"}
	}
	if aJWT.Match(l.log.Bytes()) {
		where = append(where, "a token")
	}
	for secret, place := range l.secrets {
		if bytes.Contains(l.log.Bytes(), []byte(secret)) {
			where = append(where, place)
		}
	}
	return where
}

// Write implements io.Writer for the log.
func (l *leaks) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.log.Write(b)
}

// text returns the log so far.
func (l *leaks) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.log.String()
}

// through returns a transport that collects the secrets in the traffic of another transport.
func (l *leaks) through(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		sent := read(&req.Body)
		l.header(req.Header)
		l.body(sent)
		for name, values := range req.URL.Query() {
			l.member(name, values[0], "query")
		}
		res, err := next.RoundTrip(req)
		if err == nil {
			l.header(res.Header)
			l.body(read(&res.Body))
			if u, err := res.Location(); err == nil {
				for name, values := range u.Query() {
					l.member(name, values[0], "redirect")
				}
			}
		}
		return res, err
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// read reads a body and puts it back.
func read(body *io.ReadCloser) []byte {
	if *body == nil {
		return nil
	}
	b, _ := io.ReadAll(*body) // if the body was cut off, the client gets the error as well
	_ = (*body).Close()
	*body = io.NopCloser(bytes.NewReader(b))
	return b
}

// secretNames matches names of members, parameters and cookies that hold secrets.
var secretNames = regexp.MustCompile(`(?i)password|token$|secret|^code$|^code_?verifier$|^assertion$`)

func (l *leaks) member(name, value, where string) {
	if len(value) < 8 || strings.HasPrefix(value, "eyJ") || !secretNames.MatchString(name) {
		return
	}
	l.mu.Lock()
	l.secrets[value] = where + " " + name
	l.mu.Unlock()
}

func (l *leaks) header(h http.Header) {
	for _, name := range []string{"Authorization", "Accesstoken", "Refreshtoken", "X-Device-Token"} {
		if _, credentials, ok := strings.Cut(h.Get(name), " "); ok {
			l.member("token", credentials, name)
		}
		l.member("token", h.Get(name), name)
	}
	cookies := (&http.Request{Header: http.Header{"Cookie": h["Cookie"]}}).Cookies()
	for _, c := range append(cookies, (&http.Response{Header: h}).Cookies()...) {
		l.member(c.Name, c.Value, "cookie")
	}
}

func (l *leaks) body(b []byte) {
	var object map[string]any
	if json.Unmarshal(b, &object) != nil {
		form, err := url.ParseQuery(string(b))
		if err != nil || len(b) > 1<<16 {
			return
		}
		for name, values := range form {
			l.member(name, values[0], "form")
		}
	}
	for name := range maps.Keys(object) {
		if text, ok := object[name].(string); ok {
			l.member(name, text, "body")
		}
	}
}
