package sqlite

import (
	"context"
	"database/sql"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/repository"
)

// TestStatements_UseAnIndex calls the methods and asks SQLite for the plan of each statement
// that the connections have kept. EndAllSessions is left out: it is rare and
// reads every user.
func TestStatements_UseAnIndex(t *testing.T) {
	ctx := t.Context()
	db, err := Open(ctx, filepath.Join(t.TempDir(), "latchkey.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	callEach(ctx, db)

	seen := 0
	rotated := false
	for _, p := range []pool{db.read, db.write} {
		for query, plan := range plans(t, p.DB) {
			seen++
			rotated = rotated || strings.HasPrefix(query, "UPDATE sessions SET generation")
			for _, step := range plan {
				table, scan := strings.CutPrefix(step, "SCAN ")
				subquery := strings.HasPrefix(table, "(subquery") || table == "u" && strings.Contains(query, ") u ORDER BY")
				if scan && !subquery && !slices.Contains(small, table) && !strings.Contains(table, "USING INDEX") {
					t.Errorf("%s\n\t%s", query, step)
				}
			}
		}
	}
	if seen < 40 || !rotated {
		t.Errorf("%d statements were kept, rotation %t", seen, rotated)
	}
}

// small are the tables that have few rows.
var small = []string{"signing_keys", "clock", "latchkey_migrations", "sqlite_master", "CONSTANT ROW"}

// callEach calls the methods that read or write a table, mostly on records that do not
// exist.
func callEach(ctx context.Context, db *DB) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	record := func(id string) repository.AuditRecord { return repository.AuditRecord{ID: id, At: at, UserID: "u"} }
	by := repository.Caller{UserID: "u", SessionID: "s"}
	limits := []repository.LimitKey{{Name: "k", Rule: repository.LimitRule{Free: 1, Base: time.Minute, Max: time.Minute, Forget: time.Hour}}}
	session := repository.Session{ID: "s", UserID: "u", JTI: "0", IdleAt: at.Add(time.Hour), AbsoluteAt: at.Add(time.Hour), CreatedAt: at}

	_ = db.CreateUser(ctx, repository.User{ID: "u", PasswordHash: "old"}, repository.Caller{}, record("1"))
	_, _ = db.FindUserByID(ctx, "u")
	_, _ = db.FindUserByUsername(ctx, "u")
	_, _ = db.FindUserByEmail(ctx, "u")
	_, _, _ = db.FindUserOfSession(ctx, "u", "s")
	_, _ = db.ChangePassword(ctx, repository.PasswordChange{By: by, Old: "old", New: "new", At: at}, record("2"))
	_ = db.ReplaceHash(ctx, "u", "new", "newer", at)
	_, _ = db.EndUserSessions(ctx, "u", repository.Caller{}, at, record("3"))
	_, _ = db.EndOtherUserSessions(ctx, by, at, record("4"))
	_ = db.RecordActing(ctx, "u", repository.Caller{}, record("5"))
	_, _ = db.ListUsers(ctx, repository.UserQuery{Limit: 9})
	_, _ = db.ListUsers(ctx, repository.UserQuery{CreatedAfter: at, After: repository.UserCursor{ID: "u", CreatedAt: at}, Limit: 9})
	_, _ = db.ListUsers(ctx, repository.UserQuery{Prefix: "u", After: repository.UserCursor{Key: "u"}, Limit: 9})
	_, _ = db.ChangeUser(ctx, repository.UserChange{UserID: "u", At: at}, record("6"))

	_, _ = db.RevokeSession(ctx, repository.Revocation{SessionID: "r", UserID: "u"}, repository.Caller{}, record("7"))
	_, _ = db.RecordLogin(ctx, repository.AuditRecord{ID: "8", UserID: "u", SessionID: "s"}, 1, nil)
	_, _ = db.ListRevoked(ctx, "u")
	_, _ = db.PurgeRevocations(ctx, at, 9)

	_, _ = db.AppendAudit(ctx, record("9"))
	for _, q := range []repository.AuditQuery{
		{},
		{UserID: "u"},
		{ActorID: "u", Until: at},
		{Event: repository.AuditUserDisabled, Since: at},
		{Since: at},
		{Event: repository.AuditLogin},
		{After: record("1")},
		{UserID: "u", Since: at, After: record("1")},
	} {
		q.Limit = 9
		_, _ = db.ListAudit(ctx, q)
	}
	_, _ = db.PurgeAudit(ctx, at, 9)

	_, _ = db.ListKeys(ctx)
	_ = db.PutStandbyKey(ctx, repository.SigningKey{ID: "k", Sealed: []byte{1}}, "", record("10"))
	_ = db.ActivateKey(ctx, "k", at, repository.SigningKey{ID: "l", Sealed: []byte{1}}, record("11"))
	_ = db.RevokeKey(ctx, "k", at, record("12"))
	_ = db.DeleteKey(ctx, "k")

	_ = db.CreateClient(ctx, repository.Client{ID: "c"}, repository.Caller{}, record("13"))
	_, _ = db.FindClient(ctx, "c")
	_, _ = db.ListClients(ctx, "", 9)
	_ = db.UpdateClient(ctx, repository.Client{ID: "c"}, time.Time{}, repository.Caller{}, record("14"))
	_ = db.RotateClientSecret(ctx, "c", "x", at, at, repository.Caller{}, record("15"))
	_ = db.DeleteClient(ctx, "c", at, repository.Caller{}, record("16"))

	_ = db.CreateCode(ctx, repository.Code{Hash: "h", ClientID: "c", ExpiresAt: at.Add(time.Hour)})
	for range 2 {
		_, _, _ = db.TakeCode(ctx, "h", "c", "s", at)
	}
	_ = db.ReturnCode(ctx, "h", "s")
	_, _ = db.PurgeCodes(ctx, at, 9)

	_, _ = db.CreateSession(ctx, session, repository.Limit{Sessions: 1})
	_, _ = db.RefreshSession(ctx, repository.RefreshRequest{RefreshToken: repository.RefreshToken{UserID: "u", SessionID: "s", JTI: "0"}, Next: "1", OperationID: "1", Rotate: true, Now: at})
	_, _ = db.FindSession(ctx, "u", "s")
	_, _ = db.ListSessions(ctx, "u")
	_, _ = db.EndSession(ctx, repository.Ending{UserID: "u", SessionID: "s", Reason: repository.EndLogout, Now: at})
	_ = db.EndOtherSessions(ctx, repository.Ending{UserID: "u", Reason: repository.EndLogout, Now: at})
	_, _ = db.PurgeSessions(ctx, at, 9)

	_, _ = db.BeginAttempt(ctx, repository.Attempt{Keys: limits, Now: at})
	_ = db.EndAttempt(ctx, repository.Attempt{Keys: limits, Now: at}, repository.AttemptSucceeded, at)
	_, _ = db.PurgeLimits(ctx, at, 9)
	_ = db.AdvanceTime(ctx, at)
	_, _ = db.NewestTime(ctx)
}

// plans returns the plan of each statement on the tables that a connection of a pool has
// kept.
func plans(t *testing.T, db *sql.DB) map[string][]string {
	t.Helper()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	var queries []string
	if err := conn.Raw(func(c any) error {
		queries = slices.Collect(maps.Keys(c.(*keeping).kept))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	plans := map[string][]string{}
	for _, query := range queries {
		switch verb, _, _ := strings.Cut(strings.TrimSpace(query), " "); verb {
		case "SELECT", "UPDATE", "DELETE":
			plans[query] = plan(t, conn, query)
		}
	}
	return plans
}

func plan(t *testing.T, conn *sql.Conn, query string) (steps []string) {
	t.Helper()
	rows, err := conn.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, make([]any, 32)...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, step)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return steps
}
