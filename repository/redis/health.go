package redis

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"latchkey/repository"
)

// Ping returns ErrUnavailable unless every primary answers and accepts writes. A replica
// answers PING as well, so Ping uses ROLE. If the Redis user may not run ROLE, it writes to a
// key that does not exist, which changes nothing.
func (db *DB) Ping(ctx context.Context) error {
	return storeError(db.eachPrimary(ctx, func(ctx context.Context, c *redis.Client) error {
		role, err := c.Do(ctx, "ROLE").Slice()
		if denied(err) {
			if err = c.PExpire(ctx, db.keys.index("ping"), time.Second).Err(); redis.HasErrorPrefix(err, "MOVED") {
				return nil // the key belongs to another node, so this one is a primary
			}
			return err
		}
		if err != nil {
			return err
		}
		if len(role) > 0 && role[0] == "sentinel" {
			return &repository.Advice{Fix: "the server is a sentinel: set redis.mode to sentinel, and master_name in redis.url", Err: fmt.Errorf("%w: a sentinel", repository.ErrUnavailable)}
		}
		if len(role) == 0 || role[0] != "master" {
			return fmt.Errorf("%w: the server is a replica", repository.ErrUnavailable)
		}
		return nil
	}))
}

// Warnings returns the settings of the servers that may lose sessions, and the rights that the
// Redis user lacks. It ignores servers that are unavailable.
func (db *DB) Warnings(ctx context.Context) []string {
	var mu sync.Mutex
	list := db.lacking(ctx)
	_ = db.eachPrimary(ctx, func(ctx context.Context, c *redis.Client) error {
		role := c.Do(ctx, "ROLE").Err()
		info, err := c.Info(ctx).Result() // Redis 6 accepts at most one section
		mu.Lock()
		defer mu.Unlock()
		if denied(role) {
			list = append(list, "the Redis user may not run ROLE: a replica is detected only by a refused write")
		}
		if denied(err) {
			list = append(list, "the Redis user may not run INFO: maxmemory-policy and appendonly were not checked")
		}
		if err != nil {
			return err
		}
		if policy := infoField(info, "maxmemory_policy"); policy != "" && policy != "noeviction" {
			list = append(list, "maxmemory-policy is "+policy+": Redis may drop live sessions; set noeviction")
		}
		if infoField(info, "aof_enabled") == "0" {
			list = append(list, "appendonly is off: a restart of Redis ends sessions; set appendonly yes")
		}
		return nil
	})
	return list
}

// lacking returns warnings for commands that the Redis user may not run. It needs Redis 7.
func (db *DB) lacking(ctx context.Context) []string {
	commands, err := db.scripts.checkRights.Run(ctx, db.client, []string{db.keys.index("ping")}).StringSlice()
	switch {
	case denied(err):
		return []string{"the Redis user lacks a permission: " + err.Error()}
	case err != nil || len(commands) == 0:
		return nil
	}
	return []string{"the Redis user may not run " + strings.Join(commands, ", ") + ": allow it by ACL SETUSER"}
}

// denied reports whether the Redis user lacks the right to run a command.
func denied(err error) bool { return redis.HasErrorPrefix(err, "NOPERM") }

// eachPrimary calls f for each server that accepts writes.
func (db *DB) eachPrimary(ctx context.Context, f func(context.Context, *redis.Client) error) error {
	switch c := db.client.(type) {
	case *redis.ClusterClient:
		return c.ForEachMaster(ctx, f)
	case *redis.Client: // also the client of a sentinel
		return f(ctx, c)
	}
	return fmt.Errorf("a client of type %T", db.client)
}

// infoField returns the value of a line "name:value" of INFO.
func infoField(info, name string) string {
	_, rest, _ := strings.Cut(info, "\n"+name+":")
	value, _, _ := strings.Cut(rest, "\r\n")
	return value
}
