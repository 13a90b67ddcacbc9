package access_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/middleware/access"
	"latchkey/service"
	"latchkey/service/token"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// stamps verifies the tokens that it contains, and no other token.
type stamps map[token.Raw]token.Subject

func (s stamps) VerifyAccess(raw token.Raw) (token.Subject, error) {
	if subject, ok := s[raw]; ok {
		return subject, nil
	}
	return token.Subject{}, service.NewError(service.CodeTokenInvalid, "not that one")
}

var known = stamps{
	"user.a.b":    {UserID: "u", SessionID: "s", ClientID: "latchkey", AuthTime: noon.Add(-time.Minute)},
	"old.a.b":     {UserID: "u", SessionID: "s", ClientID: "latchkey", AuthTime: noon.Add(-time.Hour)},
	"manager.a.b": {UserID: "m", SessionID: "s", ClientID: "latchkey", Privilege: 1, Scope: "a b"},
	"client.a.b":  {ClientID: "robot", Scope: "a", Privilege: 2},
	"acting.a.b":  {UserID: "u", ClientID: "latchkey", Actor: "admin"},
}

func newGuard(t *testing.T, o access.Options) *access.Guard {
	t.Helper()
	if o.Verifier == nil {
		o.Verifier = known
	}
	o.Now = func() time.Time { return noon }
	g, err := access.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// The handler who responds with the subject that the guard admitted.
var who = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	s, ok := access.FromContext(r.Context())
	if !ok {
		_, _ = w.Write([]byte("nobody"))
		return
	}
	_, _ = w.Write([]byte(s.UserID + "/" + s.ClientID))
})

func send(h http.Handler, method string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "/", nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestGuards_RouteWithoutGuardIsOpen(t *testing.T) {
	if w := send(who, "GET"); w.Code != 200 || w.Body.String() != "nobody" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestGuards_CheckTheirCondition(t *testing.T) {
	g := newGuard(t, access.Options{})
	for name, c := range map[string]struct {
		h                      http.Handler
		allowed, refused       []string
		status                 int
		error, wwwAuthenticate string
	}{
		"access":       {g.RequireAccess(who), []string{"user", "client", "acting"}, []string{"nobody"}, 401, "token_invalid", `Bearer error="invalid_token"`},
		"session":      {g.RequireSession(who), []string{"user", "manager"}, []string{"client", "acting"}, 403, "privilege_denied", ""},
		"privilege":    {g.RequirePrivilege(1)(who), []string{"manager"}, []string{"user", "client", "acting"}, 403, "privilege_denied", ""},
		"no privilege": {g.RequirePrivilege(0)(who), []string{"user"}, []string{"client"}, 403, "privilege_denied", ""},
		"scope":        {g.RequireScope("a", "b")(who), []string{"manager"}, []string{"user", "client"}, 403, "insufficient_scope", `Bearer error="insufficient_scope", scope="a b"`},
		"login": {
			g.RequireLoginWithin(10 * time.Minute)(who),
			[]string{"user"},
			[]string{"old", "manager", "client", "acting"},
			401,
			"insufficient_user_authentication", `Bearer error="insufficient_user_authentication", max_age="600"`,
		},
	} {
		for _, token := range c.allowed {
			if w := send(c.h, "GET", "Authorization", "Bearer "+token+".a.b"); w.Code != 200 {
				t.Errorf("%s: %s: %d %s", name, token, w.Code, w.Body)
			}
		}
		for _, token := range c.refused {
			w := send(c.h, "GET", "Authorization", "Bearer "+token+".a.b")
			if w.Code != c.status || !strings.Contains(w.Body.String(), `"error":"`+c.error+`"`) || w.Header().Get("WWW-Authenticate") != c.wwwAuthenticate {
				t.Errorf("%s: %s: %d %s %s", name, token, w.Code, w.Header(), w.Body)
			}
		}
		if w := send(c.h, "GET"); w.Code != 401 || w.Header().Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("%s: no token: %d %s", name, w.Code, w.Header())
		}
	}
}

func TestGuards_IgnoreTheSubjectOfAnotherGuard(t *testing.T) {
	other := newGuard(t, access.Options{Verifier: stamps{}})
	h := newGuard(t, access.Options{}).RequireAccess(other.RequireAccess(who))
	if w := send(h, "GET", "Authorization", "Bearer user.a.b"); w.Code != 401 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestGuards_ReadCookiesOnlyIfConfigured(t *testing.T) {
	if w := send(newGuard(t, access.Options{}).RequireAccess(who), "GET", "Cookie", "accessToken=user.a.b"); w.Code != 401 {
		t.Errorf("without names: %d", w.Code)
	}
	cookies := access.NewCookies(access.CookieOptions{PublicURL: &url.URL{Scheme: "https", Host: "auth.example"}, BasePath: "/api"})
	if _, err := access.New(access.Options{Verifier: known, Cookies: cookies}); err == nil {
		t.Error("cookies without CSRF")
	}
	csrf, err := access.NewCSRF(nil)
	if err != nil {
		t.Fatal(err)
	}
	h := newGuard(t, access.Options{Cookies: cookies, CSRF: csrf}).RequireAccess(who)
	if w := send(h, "POST", "Cookie", "__Host-accessToken=Bearer%20user.a.b"); w.Code != 200 {
		t.Errorf("with them: %d %s", w.Code, w.Body)
	}
	if w := send(h, "POST", "Cookie", "__Host-accessToken=Bearer%20user.a.b", "Sec-Fetch-Site", "cross-site"); w.Code != 403 {
		t.Errorf("from another site: %d %s", w.Code, w.Body)
	}
}
