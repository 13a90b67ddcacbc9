package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/bcrypt"

	"latchkey/bench/attack"
	"latchkey/bench/rig"
)

const (
	peerSecret = "a secret for benchmarks, of 32 bytes or more"
	// peerPassword has each kind of letter that a peer may want.
	peerPassword = "Correct-Horse-9-Battery-Staple"
)

// email returns the address of a user.
func email(n int) string { return fmt.Sprintf("user%d@example.org", n) }

func emailBody(email, password string) string {
	return fmt.Sprintf(`{"email":%q,"password":%q}`, email, password)
}

func identity(email, password string) string {
	return fmt.Sprintf(`{"identity":%q,"password":%q}`, email, password)
}

// pocketbase starts PocketBase on its own SQLite file.
func pocketbase(b *bench, p peer, path string) (*server, error) {
	dir, err := rig.DataDir()
	if err != nil {
		return nil, err
	}
	address, err := rig.FreeAddress()
	if err != nil {
		return nil, err
	}
	r, err := b.launch(address, dir, path, "/api/health", nil, "serve", "--http="+address, "--dir="+filepath.Join(dir, "pb_data"))
	if err != nil {
		return nil, err
	}
	base := "http://" + address + "/api/collections/users"
	return &server{
		peer: p, Running: r, ok: http.StatusOK, version: versionOf(path), users: users,
		stop: func() { _ = os.RemoveAll(dir) },
		signUp: func(user int) error {
			_, err := post(base+"/records", jsonType, fmt.Sprintf(`{"email":%q,"password":%q,"passwordConfirm":%[2]q}`, email(user), peerPassword))
			return err
		},
		login: func(user int) (string, error) {
			a, err := post(base+"/auth-with-password", jsonType, identity(email(user), peerPassword))
			return tokenIn(a, err, "token")
		},
		request: sending("POST", "/api/collections/users/auth-refresh", "Authorization: "),
		next:    member("token"),
		target: &attack.Login{Path: "/api/collections/users/auth-with-password", Body: func(account, password string) string {
			return identity(account+"@example.org", password)
		}},
	}, nil
}

// keratin starts keratin/authn-server, with its accounts in Postgres and its sessions in Redis.
func keratin(b *bench, p peer, path string) (*server, error) {
	database, err := b.database("keratin", "")
	if err != nil {
		return nil, err
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	address, err := rig.FreeAddress()
	if err != nil {
		return nil, err
	}
	_, port, _ := strings.Cut(address, ":")
	base := "http://" + address
	environment := []string{
		"AUTHN_URL=" + base, "APP_DOMAINS=localhost", "HTTP_AUTH_USERNAME=bench", "HTTP_AUTH_PASSWORD=bench", "SECRET_KEY_BASE=" + peerSecret,
		"DATABASE_URL=" + database, "REDIS_URL=" + b.redis(1), "PORT=" + port, fmt.Sprint("BCRYPT_COST=", rig.Cost),
		"RSA_PRIVATE_KEY=" + string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})),
	}
	if err := once(b.dir, path, environment, "migrate"); err != nil {
		return nil, err
	}
	r, err := b.launch(address, b.dir, path, "/health", environment, "server")
	if err != nil {
		return nil, err
	}
	const origin = "http://localhost"
	return &server{
		peer: p, Running: r, ok: http.StatusCreated, version: versionOf(path), users: users,
		signUp: func(user int) error {
			_, err := post(base+"/accounts", jsonType, rig.LoginBody(fmt.Sprint("user", user), peerPassword), "Origin", origin)
			return err
		},
		login: func(user int) (string, error) {
			a, err := post(base+"/session", jsonType, rig.LoginBody(fmt.Sprint("user", user), peerPassword), "Origin", origin)
			if err != nil {
				return "", err
			}
			for _, c := range a.cookies {
				return c.Name + "=" + c.Value, nil
			}
			return "", errors.New("no cookie in the answer")
		},
		request: sending("GET", "/session/refresh", "Origin: "+origin+"\r\nCookie: "),
		target:  &attack.Login{Path: "/session", Header: "Origin: " + origin, Body: rig.LoginBody},
	}, nil
}

// supabase starts supabase/auth on Postgres.
func supabase(b *bench, p peer, path string) (*server, error) {
	database, err := b.database("supabase", `CREATE SCHEMA auth;
		DO $$ BEGIN
			CREATE ROLE anon; CREATE ROLE authenticated; CREATE ROLE service_role; CREATE ROLE supabase_auth_admin; CREATE ROLE dashboard_user;
		END $$;
		ALTER DATABASE supabase SET search_path = auth`)
	if err != nil {
		return nil, err
	}
	address, err := rig.FreeAddress()
	if err != nil {
		return nil, err
	}
	host, port, _ := strings.Cut(address, ":")
	base := "http://" + address
	environment := []string{
		"GOTRUE_JWT_SECRET=" + peerSecret, "GOTRUE_JWT_EXP=600", "GOTRUE_JWT_AUD=authenticated", "GOTRUE_DB_DRIVER=postgres", "DB_NAMESPACE=auth",
		"DATABASE_URL=" + database, "GOTRUE_DB_MAX_POOL_SIZE=20", "API_EXTERNAL_URL=" + base, "GOTRUE_SITE_URL=" + base,
		"GOTRUE_API_HOST=" + host, "PORT=" + port, "GOTRUE_MAILER_AUTOCONFIRM=true", "GOTRUE_LOG_LEVEL=warn",
	}
	if err := once(b.dir, path, environment, "migrate"); err != nil {
		return nil, err
	}
	r, err := b.launch(address, b.dir, path, "/health", environment, "serve")
	if err != nil {
		return nil, err
	}
	return &server{
		peer: p, Running: r, ok: http.StatusOK, version: versionOf(path), users: users,
		signUp: func(user int) error {
			_, err := post(base+"/signup", jsonType, emailBody(email(user), peerPassword))
			return err
		},
		login: func(user int) (string, error) {
			a, err := post(base+"/token?grant_type=password", jsonType, emailBody(email(user), peerPassword))
			return tokenIn(a, err, "refresh_token")
		},
		request: posting("/token?grant_type=refresh_token", jsonType, `{"refresh_token":"`, `"}`),
		next:    member("refresh_token"),
		target:  &attack.Login{Path: "/token?grant_type=password", Body: func(account, password string) string { return emailBody(account+"@example.org", password) }},
	}, nil
}

// dex starts dex on Postgres. It keeps one refresh token for a user and a client, so each session
// has a user of its own. A refresh holds one connection to Postgres while it waits for another: with
// fewer connections than clients, it would stop for good.
func dex(b *bench, p peer, path string) (*server, error) {
	database, err := b.database("dex", "")
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(database)
	if err != nil {
		return nil, err
	}
	address, err := rig.FreeAddress()
	if err != nil {
		return nil, err
	}
	telemetry, err := rig.FreeAddress()
	if err != nil {
		return nil, err
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(peerPassword), rig.Cost)
	if err != nil {
		return nil, err
	}
	base := "http://" + address + "/dex"
	var conf strings.Builder
	fmt.Fprintf(&conf, `issuer: %s
storage:
  type: postgres
  config: {host: %s, port: %s, user: %s, database: dex, ssl: {mode: disable}, maxOpenConns: 80, maxIdleConns: 80}
web: {http: "%s"}
telemetry: {http: "%s"}
logger: {level: error}
oauth2: {passwordConnector: local, skipApprovalScreen: true, grantTypes: [authorization_code, refresh_token, password]}
staticClients: [{id: app, name: App, secret: secret, redirectURIs: ["http://127.0.0.1/callback"]}]
enablePasswordDB: true
staticPasswords:
`, base, u.Hostname(), u.Port(), u.User.Username(), address, telemetry)
	for n := range b.sessions {
		fmt.Fprintf(&conf, "- {email: %s, hash: \"%s\", username: user%d, userID: user%[3]d}\n", email(n), hash, n)
	}
	file := filepath.Join(b.dir, "dex.yaml")
	if err := os.WriteFile(file, []byte(conf.String()), 0o600); err != nil {
		return nil, err
	}
	r, err := b.launch(address, b.dir, path, "/dex/healthz", nil, "serve", file)
	if err != nil {
		return nil, err
	}
	passwordGrant := func(account, password string) string {
		return url.Values{"grant_type": {"password"}, "client_id": {"app"}, "client_secret": {"secret"}, "scope": {"openid offline_access"}, "username": {account}, "password": {password}}.Encode()
	}
	return &server{
		peer: p, Running: r, ok: http.StatusOK, version: versionOf(path), users: b.sessions,
		login: func(user int) (string, error) {
			a, err := post(base+"/token", formType, passwordGrant(email(user), peerPassword))
			return tokenIn(a, err, "refresh_token")
		},
		request: posting("/dex/token", formType, "grant_type=refresh_token&client_id=app&client_secret=secret&refresh_token=", ""),
		next:    member("refresh_token"),
		target:  &attack.Login{Path: "/dex/token", Type: formType, Body: func(account, password string) string { return passwordGrant(account+"@example.org", password) }},
	}, nil
}
