package postgres_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"latchkey/internal/testserver"
	"latchkey/repository"
	"latchkey/repository/postgres"
)

// modes records how the connections execute the statements that they run.
type modes struct {
	mu   sync.Mutex
	seen map[pgx.QueryExecMode]int
}

func (m *modes) TraceQueryStart(ctx context.Context, conn *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seen[conn.Config().DefaultQueryExecMode]++
	return ctx
}

func (m *modes) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (m *modes) reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seen = map[pgx.QueryExecMode]int{}
}

// The first connections do not know yet that no pooler is in front. They must not stay in the pool,
// because a statement that is not prepared costs the server three times the work.
func TestOpen_EveryConnectionPreparesItsStatements(t *testing.T) {
	url := testserver.Postgres(t)
	for name, test := range map[string]struct {
		more string
		want pgx.QueryExecMode
	}{
		"by default":                 {"", pgx.QueryExecModeCacheStatement},
		"unless the URL has another": {"&default_query_exec_mode=cache_describe", pgx.QueryExecModeCacheDescribe},
	} {
		t.Run(name, func(t *testing.T) {
			m := &modes{seen: map[pgx.QueryExecMode]int{}}
			db, err := postgres.Open(t.Context(), url+test.more, postgres.Options{Tracer: m})
			must(t, err)
			t.Cleanup(func() { _ = db.Close() })
			_, err = db.Migrate(t.Context())
			must(t, err)
			find := func() {
				if _, err := db.FindUserByID(t.Context(), "00000000-0000-7000-8000-000000000001"); !errors.Is(err, repository.ErrNotFound) {
					t.Error(err)
				}
			}
			crowd := func() {
				var all sync.WaitGroup
				for range 64 {
					all.Go(find)
				}
				all.Wait()
			}
			crowd()
			m.reset()
			for range 3 {
				crowd()
				find()
			}
			if len(m.seen) != 1 || m.seen[test.want] == 0 {
				t.Errorf("statements by mode: %v", m.seen)
			}
		})
	}
}
