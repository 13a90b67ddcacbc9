package main

import (
	"fmt"
	"path/filepath"
	"testing"

	"latchkey/internal/testserver"
)

// TestRevokeAll_UsersLogInAgain ends every session, as after a restore from a backup. Users can
// log in again and get normal sessions.
func TestRevokeAll_UsersLogInAgain(t *testing.T) {
	t.Parallel()
	redis, prefix := testserver.Redis(t)
	for name, stores := range map[string][]string{
		"SQLite": {"data.dir: '" + filepath.Join(t.TempDir(), "data") + "'"},
		"PostgresRedis": {
			"database.url: '" + testserver.Postgres(t) + "'", "redis.url: '" + redis + "', prefix: '" + prefix + "'", "tokens.secret: '" + testSecret + "'",
		},
	} {
		t.Run(name, func(t *testing.T) {
			port := freePort(t)
			file := settingsFile(t, append(stores, fmt.Sprintf("server.listen: '127.0.0.1:%d'", port))...)
			r := serveIn(t, port, "--config", file)
			post(t, r.url+"/api/users", ada, nil)
			var before, after, refreshed tokens
			post(t, r.url+"/api/users/login", loginBody, &before)
			_, err := command(t, "", "sessions", "revoke", "--all", "--config", file)
			must(t, err)
			if status := get(t, r.url+"/api/users/me", before.AccessToken); status != 401 {
				t.Errorf("a token of before: %d", status)
			}
			post(t, r.url+"/api/users/login", loginBody, &after)
			if status := get(t, r.url+"/api/users/me", after.AccessToken); status != 200 {
				t.Errorf("a token of a new log-in: %d", status)
			}
			post(t, r.url+"/api/users/refresh", fmt.Sprintf(`{"refreshToken":%q}`, after.RefreshToken), &refreshed)
			if status := get(t, r.url+"/api/users/me", refreshed.AccessToken); status != 200 {
				t.Errorf("after a refresh: %d", status)
			}
		})
	}
}
