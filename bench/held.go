package main

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	driver "github.com/redis/go-redis/v9"

	"latchkey/bench/rig"
	"latchkey/internal/testserver"
)

// held is the size of users and sessions, in bytes.
type held struct {
	redis          int64 // all sessions
	session, index int64 // one session's hash, and one user's index
	row            int64 // a user in Postgres; a user and a session in SQLite
}

// scanning are the commands whose time grows with the number of keys or members.
var scanning = []string{"keys", "scan", "hscan", "sscan", "zscan"}

// inspectRedis measures sessions that were refreshed, and returns the number of commands
// that scanned keys since the server started.
func (g *grown) inspectRedis() (scans int, err error) {
	client := rig.RedisClient(g.Redis)
	defer func() { _ = client.Close() }()
	ctx := context.Background()
	for _, r := range g.clients {
		for n := range r.Tokens {
			index := rig.Prefix + "rt:{" + rig.UserID(n) + "}"
			hash, err := client.MemoryUsage(ctx, index+":"+rig.SessionID(n)).Result()
			if err != nil {
				return 0, err
			}
			list, err := client.MemoryUsage(ctx, index).Result()
			if err != nil {
				return 0, err
			}
			g.held.session, g.held.index = max(g.held.session, hash), max(g.held.index, list)
			break // one of each client
		}
	}
	return commandCalls(ctx, client, scanning)
}

// commandCalls returns how often the server ran some commands, in scripts too.
func commandCalls(ctx context.Context, client *driver.Client, commands []string) (calls int, err error) {
	info, err := client.InfoMap(ctx, "commandstats").Result()
	if err != nil {
		return 0, err
	}
	stats := info["Commandstats"]
	if stats["cmdstat_evalsha"] == "" {
		return 0, errors.New("the commandstats of Redis have no evalsha, although each refresh is one")
	}
	for _, name := range commands {
		rest, ok := strings.CutPrefix(stats["cmdstat_"+name], "calls=")
		if !ok {
			continue
		}
		first, _, _ := strings.Cut(rest, ",")
		n, err := strconv.Atoi(first)
		if err != nil {
			return 0, err
		}
		calls += n
	}
	return calls, nil
}

func usedMemory(s *testserver.RedisServer) (int64, error) {
	client := rig.RedisClient(s)
	defer func() { _ = client.Close() }()
	info, err := client.InfoMap(context.Background(), "memory").Result()
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(info["Memory"]["used_memory"], 10, 64)
}

// bytesPerUser returns the size of the table of users, with its indexes, for each user. It runs
// a checkpoint, so that Postgres writes nothing out during a later measurement.
func bytesPerUser(s *testserver.PostgresServer, users int) (size int64, err error) {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, s.URL)
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, "CHECKPOINT"); err != nil {
		return 0, err
	}
	err = conn.QueryRow(ctx, "SELECT pg_total_relation_size('users')").Scan(&size)
	return size / int64(users), err
}

// fileSize returns the size of a SQLite file for each of its users.
func fileSize(path string, users int) (int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Size() / int64(users), nil
}
