package main

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"latchkey/internal/testserver"
)

// TestMigrate_SaysThatItWaits holds the lock of the migrations, as another process would.
func TestMigrate_SaysThatItWaits(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	t.Run("Postgres", func(t *testing.T) {
		t.Parallel()
		server := testserver.StartPostgres(t)
		redis, prefix := testserver.Redis(t)
		conn, err := pgx.Connect(ctx, server.URL)
		must(t, err)
		defer func() { _ = conn.Close(context.Background()) }()
		tx, err := conn.Begin(ctx)
		must(t, err)
		_, err = tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('latchkey migrate ' || current_schema(), 0))`)
		must(t, err)
		waits(t, settingsFile(t, "database.url: '"+server.URL+"'", "redis.url: '"+redis+"', prefix: '"+prefix+"'", "tokens.secret: '"+testSecret+"'", "log.level: error"),
			"Postgres at 127.0.0.1", func() { must(t, tx.Rollback(ctx)) })
	})
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		dir := filepath.Join(t.TempDir(), "data")
		must(t, os.Mkdir(dir, 0o700))
		lock, err := sql.Open("sqlite", filepath.Join(dir, "latchkey.db.migrate")+"?_txlock=immediate")
		must(t, err)
		defer func() { _ = lock.Close() }()
		tx, err := lock.BeginTx(ctx, nil)
		must(t, err)
		waits(t, settingsFile(t, "data.dir: '"+dir+"'", "log.level: error"), "SQLite in "+dir, func() { must(t, tx.Rollback()) })
	})
}

// waits runs "migrate up", requires that it prints what it waits for, and releases the lock.
func waits(t *testing.T, file, where string, release func()) {
	t.Helper()
	var out, errOut lockedBuffer
	done := make(chan error, 1)
	go func() {
		done <- run(context.Background(), []string{"migrate", "up", "--config", file}, strings.NewReader(""), &out, &errOut)
	}()
	errOut.Await(t, "waiting for the migration of another process; "+where)
	release()
	must(t, <-done)
	if !strings.Contains(out.String(), "applied 00001") {
		t.Errorf("it printed %q", out.String())
	}
}

// TestMigrate_RefusesADatabaseFromBeforeTheFirstRelease runs the commands on a SQLite file of
// an unreleased version: each prints what to do. The tests of the stores check that nothing is
// written, also on Postgres.
func TestMigrate_RefusesADatabaseFromBeforeTheFirstRelease(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	must(t, os.Mkdir(dir, 0o700))
	script, err := os.ReadFile(filepath.Join("..", "..", "repository", "sqlite", "testdata", "before_0.1.0.sql"))
	must(t, err)
	db, err := sql.Open("sqlite", filepath.Join(dir, "latchkey.db"))
	must(t, err)
	_, err = db.ExecContext(t.Context(), string(script))
	must(t, errors.Join(err, db.Close()))
	file := settingsFile(t, "data.dir: '"+dir+"'", "server.listen: 127.0.0.1:0")
	for _, args := range [][]string{{"migrate", "up"}, {"migrate", "status"}, {"client", "list"}, {"serve"}} {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		var out, errOut lockedBuffer
		err := run(ctx, append(args, "--config", file), strings.NewReader(""), &out, &errOut)
		cancel()
		if text := errOut.String(); err == nil || !strings.Contains(err.Error()+text, "before 0.1.0") || !strings.Contains(err.Error()+text, "data.dir") {
			t.Errorf("%v: %v\n%s", args, err, text)
		}
	}
}
