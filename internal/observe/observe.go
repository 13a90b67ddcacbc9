package observe

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"
	goredis "github.com/redis/go-redis/v9"

	"latchkey/middleware"
	"latchkey/repository"
	"latchkey/service/health"
)

// Options say which instruments are enabled.
type Options struct {
	MetricsListen  string   // address of the metrics; empty: disabled
	TracesEndpoint *url.URL // collector of the traces; nil or empty: disabled
	SamplePercent  int      // percentage of the requests to trace
	Version        string   // of the program
	Now            func() time.Time
	Log            *slog.Logger
}

// Instruments observe the process. Each of them may be disabled.
type Instruments struct {
	listen  string
	metrics *metrics // or nil
	traces  *traces  // or nil
	advice  *advice  // or nil
}

// New returns the enabled instruments. The caller closes them.
func New(ctx context.Context, o Options) (i Instruments, err error) {
	if i.traces, err = newTraces(ctx, o); err != nil {
		return i, err
	}
	if i.listen = o.MetricsListen; i.listen != "" {
		i.metrics = newMetrics(o.Version)
	}
	i.advice = newAdvice(i.Logger(o.Log), o.Now)
	return i, nil
}

// Serve answers scrapes until ctx is done, if metrics are enabled.
func (i Instruments) Serve(ctx context.Context, health *health.Checker, log *slog.Logger) error {
	if i.metrics == nil {
		return nil
	}
	if err := i.metrics.serve(ctx, i.listen, health, log); err != nil {
		return fmt.Errorf("metrics.listen: %w", err)
	}
	return nil
}

// Close sends the last traces.
func (i Instruments) Close() { i.traces.close() }

// Logger returns a log that counts the audit events that pass through it.
func (i Instruments) Logger(log *slog.Logger) *slog.Logger {
	if i.metrics == nil {
		return log
	}
	return slog.New(i.metrics.counting(log.Handler()))
}

// Calls returns the observer of store calls.
func (i Instruments) Calls() repository.Observer {
	return func(store, call string, took time.Duration, unavailable error) {
		if i.metrics != nil {
			i.metrics.call(store, call, took, unavailable)
		}
		if i.advice != nil && unavailable != nil {
			i.advice.report(store, unavailable)
		}
	}
}

// Requests returns the observer of HTTP requests, or nil.
func (i Instruments) Requests() middleware.RequestObserver {
	if i.metrics == nil {
		return nil
	}
	return i.metrics.request
}

// Watch reads the counts of services at each scrape.
func (i Instruments) Watch(s Sources) {
	if i.metrics != nil {
		i.metrics.watch(s)
	}
}

// Spans returns the middleware that traces requests, or nil.
func (i Instruments) Spans() gin.HandlerFunc {
	if i.traces == nil {
		return nil
	}
	return i.traces.requests()
}

// Statements returns the tracer of SQL statements, or nil.
func (i Instruments) Statements() pgx.QueryTracer {
	if i.traces == nil {
		return nil
	}
	return i.traces.statements()
}

// Commands returns the function that traces the commands of a Redis client, or nil.
func (i Instruments) Commands() func(goredis.UniversalClient) error {
	if i.traces == nil {
		return nil
	}
	return i.traces.commands
}
