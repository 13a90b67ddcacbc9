package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"

	"latchkey/bench/attack"
	"latchkey/bench/rig"
)

// nodeDir has the servers on Node.js and the packages that they use.
const nodeDir = "bench/peers/node"

// onNode starts a script on Node.js.
func (b *bench) onNode(node string, p peer, environment ...string) (*rig.Running, error) {
	address, err := rig.FreeAddress()
	if err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(nodeDir)
	if err != nil {
		return nil, err
	}
	_, port, _ := strings.Cut(address, ":")
	return b.launch(address, dir, node, "/health", append(environment, "PORT="+port, "SECRET="+peerSecret, fmt.Sprint("BCRYPT_COST=", rig.Cost), "NODE_ENV=production"), p.program)
}

// express starts one of the servers on Express.
func express(b *bench, p peer, node string) (*server, error) {
	database, err := b.database(strings.ReplaceAll(strings.TrimSuffix(p.program, ".js"), "-", "_"), "")
	if err != nil {
		return nil, err
	}
	r, err := b.onNode(node, p, "DATABASE_URL="+database)
	if err != nil {
		return nil, err
	}
	base := "http://" + r.Address
	return &server{
		peer: p, Running: r, ok: http.StatusOK, version: packageVersion("express"), users: users,
		signUp: func(user int) error {
			_, err := post(base+"/users", jsonType, rig.LoginBody(fmt.Sprint("user", user), peerPassword))
			return err
		},
		login: func(user int) (string, error) {
			a, err := post(base+"/login", jsonType, rig.LoginBody(fmt.Sprint("user", user), peerPassword))
			return tokenIn(a, err, "refreshToken")
		},
		request: posting("/refresh", jsonType, `{"refreshToken":"`, `"}`),
		next:    member("refreshToken"),
		target:  &attack.Login{Path: "/login", Body: rig.LoginBody},
	}, nil
}

// oidcProvider starts oidc-provider on Redis.
func oidcProvider(b *bench, p peer, node string) (*server, error) {
	r, err := b.onNode(node, p, "REDIS_URL="+b.redis(2))
	if err != nil {
		return nil, err
	}
	return &server{
		peer: p, Running: r, ok: http.StatusOK, version: packageVersion("oidc-provider"), users: users,
		login: func(int) (string, error) {
			a, err := post("http://"+r.Address+"/session", jsonType, "")
			return tokenIn(a, err, "refresh_token")
		},
		request: posting("/token", formType, "grant_type=refresh_token&client_id=app&refresh_token=", ""),
		next:    member("refresh_token"),
	}, nil
}

// betterAuth starts better-auth on Postgres.
func betterAuth(b *bench, p peer, node string) (*server, error) {
	database, err := b.database("better_auth", "")
	if err != nil {
		return nil, err
	}
	r, err := b.onNode(node, p, "DATABASE_URL="+database)
	if err != nil {
		return nil, err
	}
	base := "http://" + r.Address + "/api/auth"
	return &server{
		peer: p, Running: r, ok: http.StatusOK, version: packageVersion("better-auth"), users: users,
		signUp: func(user int) error {
			_, err := post(base+"/sign-up/email", jsonType, fmt.Sprintf(`{"email":%q,"password":%q,"name":"user"}`, email(user), peerPassword))
			return err
		},
		login: func(user int) (string, error) {
			a, err := post(base+"/sign-in/email", jsonType, emailBody(email(user), peerPassword))
			if err != nil {
				return "", err
			}
			return a.header.Get("set-auth-token"), nil
		},
		request: sending("GET", "/api/auth/token", "Authorization: Bearer "),
		target:  &attack.Login{Path: "/api/auth/sign-in/email", Body: func(account, password string) string { return emailBody(account+"@example.org", password) }},
	}, nil
}
