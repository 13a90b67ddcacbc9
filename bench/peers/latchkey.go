package main

import (
	"fmt"
	"net/http"
	"os"

	"latchkey/bench/attack"
	"latchkey/bench/rig"
)

const onRefresh = "checks the token, replaces it in one write, and ends the session if a superseded token comes back"

// users is the number of users. Their sessions are more.
const users = rig.Connections

// onServers starts the service on the common stores.
func onServers(b *bench, p peer, _ string) (*server, error) {
	r, err := b.stores.StartService()
	if err != nil {
		return nil, err
	}
	return latchkey(p, r, "u"), nil
}

// public starts the service with an access key that has a public half, as it has by default.
func public(b *bench, p peer, _ string) (*server, error) {
	keys, err := b.stores.KeysFile("ES256")
	if err != nil {
		return nil, err
	}
	r, err := b.stores.StartService("LATCHKEY_TOKENS_KEYS_FILE=" + keys)
	if err != nil {
		return nil, err
	}
	s := latchkey(p, r, "v")
	s.stop = func() { _ = os.Remove(keys) }
	return s, nil
}

// onFile starts the service on SQLite.
func onFile(b *bench, p peer, _ string) (*server, error) {
	dir, err := rig.DataDir()
	if err != nil {
		return nil, err
	}
	d, err := rig.DeployEmbedded(b.Programs, dir)
	if err != nil {
		return nil, err
	}
	r, err := d.StartService()
	if err != nil {
		return nil, err
	}
	s := latchkey(p, r, "w")
	s.stop = func() { _ = os.RemoveAll(dir) }
	return s, nil
}

// latchkey returns the client's side of the service. Its users' names begin with the prefix.
func latchkey(p peer, r *rig.Running, prefix string) *server {
	base := "http://" + r.Address + "/api/users"
	return &server{
		peer: p, Running: r, ok: http.StatusOK, version: "this build", users: users,
		signUp: func(user int) error {
			_, err := post(base, jsonType, fmt.Sprintf(`{"username":"%s%d","email":"%[1]s%[2]d@example.org","password":%[3]q}`, prefix, user, rig.Password))
			return err
		},
		login: func(user int) (string, error) {
			a, err := post(base+"/login", jsonType, rig.LoginBody(fmt.Sprint(prefix, user), rig.Password))
			return tokenIn(a, err, "refreshToken")
		},
		request: posting("/api/users/refresh", jsonType, `{"refreshToken":"`, `"}`),
		next:    member("refreshToken"),
		target:  &attack.Login{Path: "/api/users/login", Body: rig.LoginBody},
	}
}
