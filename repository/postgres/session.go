package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"latchkey/repository"
)

// sessions finds out whether connections have a session of their own at the server.
// Behind a pooler in transaction mode (PgBouncer and others) each transaction may run in
// another session, so what one client sets or prepares there, others find or miss. A
// pooler is recognized by the process number that it tells its clients: it makes one up
// for each of them, because they name it to cancel a statement.
type sessions struct {
	limit time.Duration
	own   atomic.Bool // the newest connection has one; false before the first
}

const (
	fixSearchPath = "a pooler keeps search_path from the server: take it out of database.url, " +
		"and ALTER ROLE ... SET search_path for the database user"
	fixStartup = "a pooler refuses a parameter of database.url: take it out, and ALTER ROLE ... SET it for the database user"
)

// before chooses whether a new connection prepares its statements in the session. That
// saves the server half of its work or more, and works only in a session of its own.
func (s *sessions) before(_ context.Context, cfg *pgx.ConnConfig) error {
	if cfg.DefaultQueryExecMode == pgx.QueryExecModeCacheStatement && !s.own.Load() {
		cfg.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	}
	return nil
}

// after sets the statement timeout, where it stays with this connection.
func (s *sessions) after(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, s.limit)
	defer cancel()
	var own bool
	var path string
	if err := conn.QueryRow(ctx, `SELECT pg_backend_pid() = $1::int, current_setting('search_path'),
		CASE WHEN pg_backend_pid() = $1::int THEN set_config('statement_timeout', $2, false) ELSE '' END`,
		pgx.QueryExecModeExec, int32(conn.PgConn().PID()), strconv.FormatInt(s.limit.Milliseconds(), 10)).Scan(&own, &path, nil); err != nil { //nolint:gosec // an int4
		return err
	}
	cfg := conn.Config()
	s.own.Store(own)
	switch want := cfg.RuntimeParams["search_path"]; {
	case own:
		return nil
	case want != "" && want != path:
		return &repository.Advice{Fix: fixSearchPath, Err: fmt.Errorf("search_path is %q", path)}
	case cfg.DefaultQueryExecMode == pgx.QueryExecModeCacheStatement && cfg.StatementCacheCapacity > 0:
		return errors.New("the connection leads to a pooler now: the next one prepares no statements")
	}
	return nil
}
