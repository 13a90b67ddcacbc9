package app

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"
	goredis "github.com/redis/go-redis/v9"

	"latchkey/config"
	"latchkey/middleware"
	"latchkey/repository"
	"latchkey/service/health"
)

// instruments show the inside of the process; each of them may be off.
type instruments struct {
	metrics *metrics // or nil
	traces  *traces  // or nil
	advices *advices // or nil
}

// newInstruments returns those that the settings turn on.
func newInstruments(ctx context.Context, cfg config.Config, env Env) (i instruments, err error) {
	if i.traces, err = newTraces(ctx, cfg, env.Version, env.Log); err != nil {
		return i, err
	}
	if cfg.Metrics.Listen != "" {
		i.metrics = newMetrics(env.Version)
	}
	i.advices = newAdvices(i.log(env.Log), env.Now)
	return i, nil
}

// serve answers at metrics.listen, if it is set, until ctx is done.
func (i instruments) serve(ctx context.Context, cfg config.Config, health *health.Checker, log *slog.Logger) error {
	if i.metrics == nil {
		return nil
	}
	if err := i.metrics.serve(ctx, cfg, health, log); err != nil {
		return fmt.Errorf("metrics.listen: %w", err)
	}
	return nil
}

// close sends the last traces.
func (i instruments) close() { i.traces.close() }

func (i instruments) log(log *slog.Logger) *slog.Logger {
	if i.metrics == nil {
		return log
	}
	return slog.New(i.metrics.counting(log.Handler()))
}

func (i instruments) calls() repository.Observer {
	return func(store, call string, took time.Duration, unavailable error) {
		if i.metrics != nil {
			i.metrics.call(store, call, took, unavailable)
		}
		if i.advices != nil && unavailable != nil {
			i.advices.tell(store, unavailable)
		}
	}
}

func (i instruments) requests() middleware.RequestObserver {
	if i.metrics == nil {
		return nil
	}
	return i.metrics.request
}

func (i instruments) watch(a *App) {
	if i.metrics != nil {
		i.metrics.watch(a)
	}
}

func (i instruments) spans() gin.HandlerFunc {
	if i.traces == nil {
		return nil
	}
	return i.traces.requests()
}

func (i instruments) statements() pgx.QueryTracer {
	if i.traces == nil {
		return nil
	}
	return i.traces.statements()
}

func (i instruments) commands() func(goredis.UniversalClient) error {
	if i.traces == nil {
		return nil
	}
	return i.traces.commands
}
