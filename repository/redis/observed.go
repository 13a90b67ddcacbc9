package redis

import (
	"context"
	"net"
	"time"

	"github.com/redis/go-redis/v9"

	"latchkey/repository"
)

// observed reports each command to an observer.
type observed struct{ observe repository.Observer }

// DialHook implements redis.Hook.
func (o observed) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (conn net.Conn, err error) {
		defer o.time("connect", &err)()
		return next(ctx, network, addr)
	}
}

// ProcessHook implements redis.Hook.
func (o observed) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) (err error) {
		defer o.time(cmd.Name(), &err)()
		return next(ctx, cmd)
	}
}

// ProcessPipelineHook implements redis.Hook.
func (o observed) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) (err error) {
		defer o.time("pipeline", &err)()
		return next(ctx, cmds)
	}
}

func (o observed) time(call string, err *error) func() {
	begin := time.Now() //nolint:forbidigo // measures a duration; no rule depends on it
	return func() {
		failed := *err
		switch {
		case redis.HasErrorPrefix(failed, "NOSCRIPT"): // the driver then sends the script
		case denied(failed) && (call == "role" || call == "info"): // optional rights
		default:
			o.observe("redis", call, time.Since(begin), storeError(failed)) //nolint:forbidigo // as above
		}
	}
}
