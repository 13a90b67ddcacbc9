package rig

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	driver "github.com/redis/go-redis/v9"

	"latchkey/internal/testserver"
)

// Waits are the average number of Postgres backends in each state, and the largest number of
// blocked clients of Redis.
type Waits struct {
	Postgres map[string]float64
	Blocked  int
}

// Watch samples the stores until stop is closed.
func (d *Deployment) Watch(stop <-chan struct{}) (w Waits, err error) {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, d.Postgres.URL)
	if err != nil {
		return w, err
	}
	defer func() { _ = conn.Close(ctx) }()
	client := RedisClient(d.Redis)
	defer func() { _ = client.Close() }()
	w.Postgres = map[string]float64{}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-stop:
			for state := range w.Postgres {
				w.Postgres[state] /= float64(max(n, 1))
			}
			return w, nil
		case <-tick.C:
		}
		if err := w.sample(ctx, conn); err != nil {
			return w, err
		}
		info, err := client.InfoMap(ctx, "clients").Result()
		if err != nil {
			return w, err
		}
		blocked, err := strconv.Atoi(info["Clients"]["blocked_clients"])
		if err != nil {
			return w, err
		}
		w.Blocked = max(w.Blocked, blocked)
	}
}

// sample counts the backends by the reason for their wait.
func (w Waits) sample(ctx context.Context, conn *pgx.Conn) error {
	rows, err := conn.Query(ctx, `SELECT CASE WHEN state = 'active' THEN coalesce(wait_event_type, 'running') ELSE state END, count(*)
		FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() GROUP BY 1`)
	if err != nil {
		return err
	}
	var state string
	var n int
	_, err = pgx.ForEachRow(rows, []any{&state, &n}, func() error {
		w.Postgres[state] += float64(n)
		return nil
	})
	return err
}

// RedisClient returns a client of a Redis server.
func RedisClient(s *testserver.RedisServer) *driver.Client {
	return driver.NewClient(&driver.Options{Addr: fmt.Sprintf("127.0.0.1:%d", s.Port)})
}
