package main

import (
	"log/slog"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"
	goredis "github.com/redis/go-redis/v9"

	"latchkey/middleware"
	"latchkey/repository"
)

// instruments are how the inside of the process is seen; each of them may be off.
type instruments struct {
	metrics *metrics // or nil
	traces  *traces  // or nil
	advices *advices // or nil
}

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

func (i instruments) watch(w watched, pools map[string]func() repository.PoolStats) {
	if i.metrics != nil {
		i.metrics.watch(w, pools)
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
