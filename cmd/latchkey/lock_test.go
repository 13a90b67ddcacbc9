package main

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"latchkey/internal/testserver"
)

// TestCommands_SayThatAnotherProcessHoldsALock holds a lock until a command fails: it prints a
// line while it waits, and its error says what to do.
func TestCommands_SayThatAnotherProcessHoldsALock(t *testing.T) {
	t.Parallel()
	const advice = "another process may hold a lock"
	fails := func(t *testing.T, file string, args ...string) {
		t.Helper()
		var errOut lockedBuffer
		err := run(t.Context(), append(args, "--config", file), strings.NewReader(""), &lockedBuffer{}, &errOut)
		if err == nil || !strings.Contains(err.Error(), advice) || !strings.Contains(err.Error(), "try again") {
			t.Errorf("%v: %v", args, err)
		}
		if n := strings.Count(errOut.String(), "latchkey: still working: waiting for "); n != 1 {
			t.Errorf("%v: %d lines say that it waits:\n%s", args, n, errOut.String())
		}
	}
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		port, dir := freePort(t), t.TempDir()
		file := settingsFile(t, "data.dir: '"+dir+"'", "tokens.secret: '"+testSecret+"'", "server.listen: '127.0.0.1:"+fmt.Sprint(port)+"'")
		r := serveIn(t, port, "--config", file)
		r.stop(t)
		lock, err := sql.Open("sqlite", filepath.Join(dir, "latchkey.db")+"?_txlock=exclusive")
		must(t, err)
		defer func() { _ = lock.Close() }()
		tx, err := lock.BeginTx(t.Context(), nil)
		must(t, err)
		defer func() { _ = tx.Rollback() }()
		fails(t, file, "key", "rotate", "--now")
	})
	t.Run("Postgres", func(t *testing.T) {
		t.Parallel()
		url := testserver.Postgres(t)
		redis, prefix := testserver.Redis(t)
		file := settingsFile(t, "database.url: '"+url+"'", "redis.url: '"+redis+"', prefix: '"+prefix+"'", "tokens.secret: '"+testSecret+"'")
		_, err := command(t, "", "migrate", "up", "--config", file)
		must(t, err)
		conn, err := pgx.Connect(t.Context(), url)
		must(t, err)
		defer func() { _ = conn.Close(context.Background()) }()
		tx, err := conn.Begin(t.Context())
		must(t, err)
		_, err = tx.Exec(t.Context(), "LOCK TABLE clients, latchkey_migrations")
		must(t, err)
		var errOut lockedBuffer
		done := make(chan error, 1)
		go func() {
			done <- run(context.Background(), []string{"migrate", "status", "--config", file}, strings.NewReader(""), &lockedBuffer{}, &errOut)
		}()
		errOut.Await(t, "still working: waiting for Postgres at ")
		must(t, tx.Rollback(t.Context()))
		must(t, <-done)
		tx, err = conn.Begin(t.Context())
		must(t, err)
		_, err = tx.Exec(t.Context(), "LOCK TABLE clients")
		must(t, err)
		fails(t, file, "client", "list")
		must(t, tx.Rollback(t.Context()))
	})
}
