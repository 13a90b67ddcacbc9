package access_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"time"

	"latchkey/config"
	"latchkey/internal/app"
	"latchkey/service/account"
	"latchkey/service/audit"
	"latchkey/service/oauth"
	"latchkey/service/password"
)

// latchkey is a running Latchkey for the examples, with a user ada of privilege 0, an
// administrator grace, and a client "robot" with the scope orders:read.
type latchkey struct {
	*httptest.Server
	app    *app.App
	dir    string
	secret oauth.ClientSecret
}

func startLatchkey() *latchkey {
	ctx := context.Background()
	dir := must(os.MkdirTemp("", "latchkey-example-"))
	l := &latchkey{Server: httptest.NewUnstartedServer(nil), dir: dir}
	cfg := must(config.Load(""))
	cfg.Data.Dir, cfg.Password.BcryptCost = dir, 4
	cfg.Server.PublicURL = must(url.Parse("http://" + l.Listener.Addr().String()))
	cfg.Tokens.Issuer = cfg.Server.PublicURL.String()
	l.app = must(app.New(ctx, cfg, app.Env{Now: time.Now, Log: slog.New(slog.DiscardHandler)}))
	for name, privilege := range map[string]int{"ada": 0, "grace": 2} {
		must(l.app.Accounts.CreateAsOperator(ctx, account.Registration{
			Username: name, Email: name + "@example.org", Password: password.New("correct horse"), Privilege: privilege,
		}))
	}
	_, secret, err := l.app.Clients.Create(ctx, oauth.ClientSpec{
		ID: "robot", Grants: []string{oauth.GrantClientCredentials}, Scopes: []string{"orders:read", "orders:write"},
	}, "", account.Caller{}, audit.Operator())
	if err != nil {
		panic(err)
	}
	l.secret = secret
	l.Config.Handler = l.app.Handler()
	l.Start()
	return l
}

func (l *latchkey) stop() {
	l.Close()
	l.app.Close()
	_ = os.RemoveAll(l.dir)
}

// login returns an access token of a user.
func (l *latchkey) login(username string) string {
	body := fmt.Sprintf(`{"username":%q,"password":"correct horse"}`, username)
	res, err := http.Post(l.URL+"/api/users/login", "application/json", bytes.NewBufferString(body))
	if err != nil {
		panic(err)
	}
	defer func() { _ = res.Body.Close() }()
	return accessToken(res, "accessToken")
}

// robot returns an access token of the client, with a scope.
func (l *latchkey) robot(scope string) string {
	res, err := http.PostForm(l.URL+"/oauth/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {"robot"}, "client_secret": {string(l.secret)}, "scope": {scope},
	})
	if err != nil {
		panic(err)
	}
	defer func() { _ = res.Body.Close() }()
	return accessToken(res, "access_token")
}

func accessToken(res *http.Response, member string) string {
	var got map[string]any
	if err := json.NewDecoder(res.Body).Decode(&got); err != nil {
		panic(err)
	}
	return got[member].(string)
}

// status requests /orders with an access token and returns the status of the answer.
func status(api http.Handler, method, accessToken string) int {
	r := httptest.NewRequestWithContext(context.Background(), method, "/orders", nil)
	if accessToken != "" {
		r.Header.Set("Authorization", "Bearer "+accessToken)
	}
	w := httptest.NewRecorder()
	api.ServeHTTP(w, r)
	return w.Code
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
