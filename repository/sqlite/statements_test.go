package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
)

func TestStatements_NotSharedWhileInUse(t *testing.T) {
	db := numbers(t)
	for n := range 3 {
		if err := db.put(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	const query = `SELECT n FROM numbers WHERE n >= ? ORDER BY n`
	err := db.inTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		for range 2 { // the second time with the statement that the first has kept
			if err := nested(ctx, t, tx, query); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// nested runs a query while it reads rows of the same query.
func nested(ctx context.Context, t *testing.T, tx *sql.Tx, query string) error {
	t.Helper()
	rows, err := tx.QueryContext(ctx, query, 0)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	var outer, inner []int
	for rows.Next() {
		var n, m int
		if err := rows.Scan(&n); err != nil {
			return err
		}
		if err := tx.QueryRowContext(ctx, query, n).Scan(&m); err != nil {
			return err
		}
		outer, inner = append(outer, n), append(inner, m)
	}
	if fmt.Sprint(outer, inner) != "[0 1 2] [0 1 2]" {
		t.Errorf("%v %v", outer, inner)
	}
	return rows.Err()
}

func TestStatements_CacheIsBounded(t *testing.T) {
	db := numbers(t)
	for n := range 2 * maxKept {
		for range 2 {
			if _, err := db.write.ExecContext(t.Context(), fmt.Sprintf(`INSERT INTO numbers VALUES (%d) ON CONFLICT DO NOTHING`, n)); err != nil {
				t.Fatal(err)
			}
		}
	}
	conn, err := db.write.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.Raw(func(c any) error {
		if n := len(c.(*keeping).kept); n != maxKept {
			t.Errorf("%d", n)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

func TestStatements_ReusableAfterAnError(t *testing.T) {
	db := numbers(t)
	for i, ok := range []bool{true, false, false} {
		if err := db.put(t.Context(), 7); (err == nil) != ok {
			t.Errorf("%d: %v", i, err)
		}
	}
	if err := db.put(t.Context(), 8); err != nil || !db.has(t, 8) {
		t.Errorf("%v", err)
	}
}
