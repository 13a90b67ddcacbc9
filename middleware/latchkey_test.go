package middleware_test

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
	"latchkey/service/password"
)

// latchkey is a running Latchkey for the example, with a user ada.
type latchkey struct {
	*httptest.Server
	app *app.App
	dir string
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
	must(l.app.Accounts.CreateAsOperator(ctx, account.Registration{
		Username: "ada", Email: "ada@example.org", Password: password.New("correct horse"),
	}))
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
