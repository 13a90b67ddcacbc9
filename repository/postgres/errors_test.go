package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"latchkey/internal/await"
	"latchkey/internal/testserver"
	"latchkey/repository"
	"latchkey/repository/postgres"
)

func TestMain(m *testing.M) { testserver.Main(m) }

// TestErrors_ServerFaultsAreUnavailable runs calls against a database with a wrong
// setup. Each error says what to do.
func TestErrors_ServerFaultsAreUnavailable(t *testing.T) {
	server := testserver.StartPostgres(t)
	good := open(t, server.URL)
	if _, err := good.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	do(t, server.URL, `CREATE ROLE app LOGIN`)
	do(t, server.URL, `CREATE ROLE busy LOGIN CONNECTION LIMIT 0`)
	as := func(change func(*url.URL)) string {
		u, err := url.Parse(server.URL)
		must(t, err)
		change(u)
		return u.String()
	}
	for name, c := range map[string]struct{ url, fix string }{
		"no such database": {as(func(u *url.URL) { u.Path = "/nothing" }), "does not exist"},
		"no such user":     {as(func(u *url.URL) { u.User = url.User("nobody") }), "rejected the user"},
		"no right":         {as(func(u *url.URL) { u.User = url.User("app") }), "lacks a permission"},
		"no connection":    {as(func(u *url.URL) { u.User = url.User("busy") }), "no free connections"},
		"no schema":        {as(func(u *url.URL) { q := u.Query(); q.Set("search_path", "elsewhere"); u.RawQuery = q.Encode() }), "migrate"},
		"read-only": {as(func(u *url.URL) {
			q := u.Query()
			q.Set("default_transaction_read_only", "on")
			u.RawQuery = q.Encode()
		}), "read-only"},
	} {
		t.Run(name, func(t *testing.T) {
			db := open(t, c.url)
			_, found := db.FindUserByID(t.Context(), "01a219bd-3df7-7bbe-9290-a5b6803acb76")
			_, added := db.AppendAudit(t.Context(), repository.AuditRecord{ID: "01a219bd-3df7-7bbe-9290-a5b6803acb76"})
			for call, err := range map[string]error{"find": found, "append": added} {
				var advice *repository.Advice
				if !errors.Is(err, repository.ErrUnavailable) || errors.Is(err, repository.ErrNotFound) ||
					!errors.As(err, &advice) || !strings.Contains(advice.Fix, c.fix) {
					t.Errorf("%s: %v, want %q", call, err, c.fix)
				}
			}
		})
	}
}

// TestPool_FollowsASwitchover demotes the server that the pool is connected to. The pool
// connects to the other server of its URL and writes there.
func TestPool_FollowsASwitchover(t *testing.T) {
	first, second := testserver.StartPostgres(t), testserver.StartPostgres(t)
	for _, server := range []*testserver.PostgresServer{first, second} {
		if _, err := open(t, server.URL).Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	demote(t, second, true)
	u, err := url.Parse(first.URL)
	must(t, err)
	other, err := url.Parse(second.URL)
	must(t, err)
	u.Host += "," + other.Host
	db := open(t, u.String())
	write := func() error {
		_, err := db.AppendAudit(t.Context(), repository.AuditRecord{ID: fmt.Sprintf("01a219bd-3df7-7bbe-9290-%012x", time.Now().UnixNano()&0xffffffffffff)})
		return err
	}
	for range 8 {
		must(t, write())
	}
	demote(t, second, false)
	demote(t, first, true)
	begin := time.Now()
	await.Eventually(t, 5*time.Second, "a write after the switchover", func() bool { return write() == nil })
	t.Logf("writes again %s after the switchover", time.Since(begin).Round(time.Millisecond))
	if err := db.Ping(t.Context()); err != nil {
		t.Errorf("ready: %v", err)
	}
}

// demote makes a server read-only, as a standby is, or writable again.
func demote(t *testing.T, s *testserver.PostgresServer, readOnly bool) {
	t.Helper()
	value := map[bool]string{true: "on", false: "off"}[readOnly]
	do(t, s.URL+"&options=-c%20default_transaction_read_only%3Doff", "ALTER SYSTEM SET default_transaction_read_only = "+value, "SELECT pg_reload_conf()")
	// The server tells its idle processes before it starts a process with the new value.
	await.Eventually(t, 20*time.Second, "the setting applies", func() bool {
		conn, err := pgx.Connect(t.Context(), s.URL)
		if err != nil {
			return false
		}
		defer func() { _ = conn.Close(t.Context()) }()
		var now string
		return conn.QueryRow(t.Context(), "SHOW default_transaction_read_only").Scan(&now) == nil && now == value
	})
}

func open(t *testing.T, url string) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(t.Context(), url, postgres.Options{})
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func do(t *testing.T, url string, statements ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	must(t, err)
	defer func() { _ = conn.Close(ctx) }()
	for _, s := range statements {
		_, err := conn.Exec(ctx, s)
		must(t, err)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
