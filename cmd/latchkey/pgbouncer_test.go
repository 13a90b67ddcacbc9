package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/internal/testserver"
	"latchkey/repository/postgres"
)

// TestServe_BehindPgBouncer runs two replicas and the commands on a Postgres behind PgBouncer
// in transaction mode: each transaction of a connection may run in another session.
func TestServe_BehindPgBouncer(t *testing.T) {
	t.Parallel()
	server := testserver.StartPostgres(t)
	pooled := testserver.StartPgBouncer(t, server, 5)
	redis, prefix := testserver.Redis(t)

	// Replicas that start at the same time migrate one after the other.
	applied, failed := make(chan []string, 4), make(chan error, 4)
	for range 4 {
		go func() {
			db, err := postgres.Open(context.Background(), pooled, postgres.Options{})
			if err == nil {
				defer func() { _ = db.Close() }()
				var names []string
				names, err = db.Migrate(context.Background())
				applied <- names
			}
			failed <- err
		}()
	}
	migrations := 0
	for range 4 {
		must(t, <-failed)
		migrations += len(<-applied)
	}
	if files, _ := filepath.Glob("../../repository/postgres/migrations/*.sql"); migrations != len(files) {
		t.Errorf("%d migrations were applied, of %d", migrations, len(files))
	}

	var urls []string
	var file string
	for range 2 {
		port := freePort(t)
		file = settingsFile(t, fmt.Sprintf("server.listen: '127.0.0.1:%d', public_url: 'http://localhost:%[1]d'", port),
			"database.url: '"+pooled+"'", fmt.Sprintf("redis.url: '%s', prefix: '%s'", redis, prefix), "tokens.secret: '"+testSecret+"', issuer: 'http://localhost'")
		serveIn(t, port, "--config", file)
		urls = append(urls, fmt.Sprintf("http://localhost:%d", port))
	}
	command := func(stdin string, args ...string) string {
		t.Helper()
		var out, errOut lockedBuffer // a slow command writes from a second goroutine
		if err := run(t.Context(), append(args, "--config", file), strings.NewReader(stdin), &out, &errOut); err != nil {
			t.Errorf("%s: %v\n%s", strings.Join(args, " "), err, errOut.String())
		}
		return out.String()
	}
	command("correct horse\n", "user", "create", "--username", "root", "--email", "root@example.org", "--privilege", "2")
	command("", "client", "create", "--id", "jobs", "--grant", "client_credentials")
	command("", "key", "rotate", "--now")
	command("", "migrate", "status")

	var alice, again tokens
	if status := post(t, urls[0]+"/api/users", ada, nil); status != 201 {
		t.Errorf("sign-up: %d", status)
	}
	if status := post(t, urls[1]+"/api/users/login", loginBody, &alice); status != 200 {
		t.Errorf("log-in: %d", status)
	}
	if status := post(t, urls[0]+"/api/users/refresh", fmt.Sprintf(`{"refreshToken":%q}`, alice.RefreshToken), &again); status != 200 {
		t.Errorf("refresh: %d", status)
	}
	for _, path := range []string{"/api/users/me", "/api/users/me/sessions"} {
		if status := get(t, urls[1]+path, again.AccessToken); status != 200 {
			t.Errorf("%s: %d", path, status)
		}
	}

	var wg sync.WaitGroup
	statuses := sync.Map{}
	for i := range 200 {
		wg.Go(func() {
			var status int
			if i%2 == 0 {
				status = get(t, urls[i/2%2]+"/api/users/me", again.AccessToken)
			} else {
				req, err := http.NewRequest(http.MethodPost, urls[i/2%2]+"/api/users/rtVerify", nil)
				if err != nil {
					t.Error(err)
					return
				}
				req.Header.Set("refreshtoken", "Bearer "+again.RefreshToken)
				res, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				_ = res.Body.Close()
				status = res.StatusCode
			}
			n, _ := statuses.LoadOrStore(status, new(sync.Map))
			n.(*sync.Map).Store(i, true)
		})
	}
	wg.Wait()
	statuses.Range(func(status, _ any) bool {
		if status != 200 {
			t.Errorf("of 200 parallel requests some were answered with %d", status)
		}
		return true
	})
	if status := post(t, urls[0]+"/api/users/logout", fmt.Sprintf(`{"refreshToken":%q}`, again.RefreshToken), nil); status != 204 {
		t.Errorf("log-out: %d", status)
	}
	if status := get(t, urls[1]+"/api/users/me", again.AccessToken); status != 401 {
		t.Errorf("after the log-out: %d", status)
	}
	if out := command("", "audit", "list", "--user", "ada"); !strings.Contains(out, "session_ended") {
		t.Errorf("the audit log: %s", out)
	}

	// If the pooler would refuse or drop a parameter, the error names the parameter.
	db, err := postgres.Open(t.Context(), pooled+"&search_path=elsewhere", postgres.Options{})
	must(t, err)
	defer func() { _ = db.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := db.Ping(ctx); err == nil || !strings.Contains(err.Error(), "ALTER ROLE") || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("search_path through a pooler: %v", err)
	}
}

// TestMigrate_NamesThePoolSizeOfPgBouncer migrates through a pooler with one server connection,
// which holds the lock: the migration waits for a second one.
func TestMigrate_NamesThePoolSizeOfPgBouncer(t *testing.T) {
	t.Parallel()
	pooled := testserver.StartPgBouncer(t, testserver.StartPostgres(t), 1)
	redis, prefix := testserver.Redis(t)
	file := settingsFile(t, "database.url: '"+pooled+"'", fmt.Sprintf("redis.url: '%s', prefix: '%s'", redis, prefix),
		"tokens.secret: '"+testSecret+"'", "log.level: error")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var errOut lockedBuffer
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, []string{"migrate", "up", "--config", file}, strings.NewReader(""), &lockedBuffer{}, &errOut)
	}()
	errOut.Await(t, "set default_pool_size to 2 or more")
	cancel()
	if err := <-done; err == nil {
		t.Error("it migrated")
	}
}
