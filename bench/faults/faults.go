package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"latchkey/bench/faults/servers"
)

// fault is one thing that goes wrong. Run does it, undoes it, and returns the time from
// which all clients should succeed again.
type fault struct {
	name string
	run  func(context.Context, *rig) (time.Time, error)
}

// cutOff closes all connections of one replica to Redis.
func cutOff(i int, d time.Duration) fault {
	return fault{fmt.Sprintf("replica %d is cut off from Redis for %v", i, d), func(ctx context.Context, r *rig) (time.Time, error) {
		r.replicas[i].gate.Cut()
		servers.Pause(ctx, d)
		r.replicas[i].gate.Pass()
		return time.Now(), nil
	}}
}

// hold keeps the bytes between one replica and Redis back, and delivers them later.
func hold(i int, d time.Duration) fault {
	return fault{fmt.Sprintf("bytes between replica %d and Redis are held for %v", i, d), func(ctx context.Context, r *rig) (time.Time, error) {
		r.replicas[i].gate.Hold()
		servers.Pause(ctx, d)
		r.replicas[i].gate.Pass()
		return time.Now(), nil
	}}
}

// freeze stops the process of one replica where it is, and lets it continue.
func freeze(i int, d time.Duration) fault {
	return fault{fmt.Sprintf("replica %d is stopped for %v (SIGSTOP)", i, d), func(ctx context.Context, r *rig) (time.Time, error) {
		r.replicas[i].process.Hang()
		servers.Pause(ctx, d)
		r.replicas[i].process.Resume()
		return time.Now(), nil
	}}
}

// skew sets the clocks of two replicas off, and then right.
func skew(d, length time.Duration) fault {
	return fault{fmt.Sprintf("the clocks of replicas 0 and 1 are off by %v and %v for %v", d, -d, length), func(ctx context.Context, r *rig) (time.Time, error) {
		err := errors.Join(r.replicas[0].skew(d), r.replicas[1].skew(-d))
		servers.Pause(ctx, length)
		return time.Now(), errors.Join(err, r.replicas[0].skew(0), r.replicas[1].skew(0))
	}}
}

// redisDown stops both Redis servers, and starts them with their data.
func redisDown(d time.Duration) fault {
	return fault{fmt.Sprintf("Redis is down for %v", d), func(ctx context.Context, r *rig) (time.Time, error) {
		r.stores.StopRedis()
		servers.Pause(ctx, d)
		err := r.stores.StartRedis()
		return time.Now(), err
	}}
}

// failover kills the primary. Redis acknowledges before its replica has a write, so the
// last logins before it may be lost.
func failover() fault {
	return fault{"the primary of Redis is killed, a sentinel replaces it", func(ctx context.Context, r *rig) (time.Time, error) {
		killed := time.Now()
		takeover, err := r.stores.KillPrimary(ctx)
		r.excused(killed.Add(-5*time.Second), takeover)
		r.say("the takeover took %v", takeover.Sub(killed).Round(100*time.Millisecond))
		return killed.Add(time.Second), err
	}}
}

// restoreOld takes a dump of Redis, waits until most sessions are generations ahead of it,
// and restores the dump. Logins in between are lost with the store.
func restoreOld(generations int) fault {
	return fault{fmt.Sprintf("Redis is restored from a dump %d generations old", generations), func(ctx context.Context, r *rig) (time.Time, error) {
		file := filepath.Join(r.dir, "old.rdb")
		dumped := time.Now()
		if err := r.stores.Dump(file); err != nil {
			return dumped, err
		}
		r.say("the dump is taken; now %d generations", generations)
		ahead := r.crowd().generations()
		limit := time.Duration(generations) * 2 * period
		for begin := time.Now(); ctx.Err() == nil && ahead() < generations && time.Since(begin) < limit; {
			servers.Pause(ctx, 200*time.Millisecond)
		}
		r.say("most sessions are %d generations ahead; Redis stops, and starts with the dump", ahead())
		err := r.stores.Restore(file)
		r.excused(dumped.Add(-2*time.Second), time.Now())
		return time.Now(), err
	}}
}

// generations returns a function that returns a number of generations: three quarters of the
// sessions have advanced at least that far since the call.
func (c *crowd) generations() func() int {
	begin := map[*honest]identity{}
	for _, h := range c.clients {
		begin[h] = h.identity()
	}
	return func() int {
		var list []int
		for _, h := range c.clients {
			if now := h.identity(); !h.victim && now.SID == begin[h].SID {
				list = append(list, now.Gen-begin[h].Gen)
			}
		}
		return quarter(list)
	}
}
