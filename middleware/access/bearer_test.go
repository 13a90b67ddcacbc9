package access_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"latchkey/middleware/access"
)

// FuzzTokensInHeaders looks for a header that causes a panic, or from which a token is returned
// that it does not contain.
func FuzzTokensInHeaders(f *testing.F) {
	for _, s := range []string{"Bearer a.b.c", "bearer  a.b.c", "a.b.c", "Bearer%20a.b.c", `"Bearer a.b.c"`, "Basic YTpi", "Bearer ", "..", "\x00"} {
		f.Add(s)
	}
	cookies := access.NewCookies(access.CookieOptions{PublicURL: &url.URL{Scheme: "http", Host: "localhost"}, BasePath: "/api"})
	f.Fuzz(func(t *testing.T, value string) {
		r := httptest.NewRequest(http.MethodPost, "/", io.NopCloser(strings.NewReader("")))
		r.Header["Authorization"] = []string{value}
		r.Header["Refreshtoken"] = []string{value}
		r.Header["Cookie"] = []string{"accessToken=" + value}
		for _, find := range []func() (access.Found, error){
			func() (access.Found, error) { return cookies.AccessToken(r) },
			func() (access.Found, error) { return cookies.RefreshToken(r, "") },
		} {
			found, err := find()
			if err == nil && (strings.Count(string(found.Token), ".") != 2 || !strings.Contains(value, string(found.Token))) {
				t.Errorf("%q gives %q", value, found.Token)
			}
		}
	})
}
