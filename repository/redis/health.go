package redis

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"

	"latchkey/repository"
)

// Ping asks whether every primary answers and takes writes. A replica answers
// PING as well, so its role is asked.
func (db *DB) Ping(ctx context.Context) error {
	return storeError(db.eachPrimary(ctx, func(ctx context.Context, c *redis.Client) error {
		role, err := c.Do(ctx, "ROLE").Slice()
		if err != nil {
			return err
		}
		if len(role) == 0 || role[0] != "master" {
			return fmt.Errorf("%w: the server is a replica", repository.ErrUnavailable)
		}
		return nil
	}))
}

// Warnings says what in the settings of the servers would lose sessions. A
// server that does not tell its settings is not warned of.
func (db *DB) Warnings(ctx context.Context) []string {
	var mu sync.Mutex
	var list []string
	_ = db.eachPrimary(ctx, func(ctx context.Context, c *redis.Client) error {
		info, err := c.Info(ctx, "memory", "persistence").Result()
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
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

// eachPrimary calls f for each server that takes writes.
func (db *DB) eachPrimary(ctx context.Context, f func(context.Context, *redis.Client) error) error {
	switch c := db.client.(type) {
	case *redis.ClusterClient:
		return c.ForEachMaster(ctx, f)
	case *redis.Client: // of a sentinel's choice, too
		return f(ctx, c)
	}
	return fmt.Errorf("a client of type %T", db.client)
}

// infoField finds a line "name:value" of INFO.
func infoField(info, name string) string {
	_, rest, _ := strings.Cut(info, "\n"+name+":")
	value, _, _ := strings.Cut(rest, "\r\n")
	return value
}
