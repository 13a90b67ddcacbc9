package observe

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/exaring/otelpgx"
	"github.com/gin-gonic/gin"
	"github.com/redis/go-redis/extra/redisotel/v9"
	goredis "github.com/redis/go-redis/v9"
	"go.opentelemetry.io/contrib/instrumentation/github.com/gin-gonic/gin/otelgin"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.26.0"
)

// traces sends spans of requests and of store calls to a collector (OTLP over HTTP), if the
// settings name one.
type traces struct {
	provider   *sdktrace.TracerProvider
	propagator propagation.TextMapPropagator
}

// newTraces returns nil if traces are disabled.
func newTraces(ctx context.Context, o Options) (*traces, error) {
	if o.TracesEndpoint == nil || *o.TracesEndpoint == (url.URL{}) {
		return nil, nil //nolint:nilnil // disabled
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(o.TracesEndpoint.String()))
	if err != nil {
		return nil, fmt.Errorf("traces.endpoint: %w", err)
	}
	// If the collector is unavailable, the service logs it, and users are not affected.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { o.Log.Debug("traces", "error", err) }))
	return &traces{
		provider: sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter),
			sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(float64(o.SamplePercent)/100))),
			sdktrace.WithResource(resource.NewSchemaless(semconv.ServiceName("latchkey"), semconv.ServiceVersion(o.Version)))),
		propagator: propagation.TraceContext{},
	}, nil
}

// requests creates a span for each request, in the trace of its traceparent (W3C Trace
// Context).
func (t *traces) requests() gin.HandlerFunc {
	return otelgin.Middleware("latchkey", otelgin.WithTracerProvider(t.provider), otelgin.WithPropagators(t.propagator))
}

// statements creates a span for each statement, without its values.
func (t *traces) statements() *otelpgx.Tracer {
	return otelpgx.NewTracer(otelpgx.WithTracerProvider(t.provider), otelpgx.WithDisableConnectionDetailsInAttributes())
}

// commands creates a span for each command, without its arguments, which contain token IDs.
func (t *traces) commands(client goredis.UniversalClient) error {
	return redisotel.InstrumentTracing(client, redisotel.WithTracerProvider(t.provider), redisotel.WithDBStatement(false), redisotel.WithCallerEnabled(false))
}

// close sends the remaining spans. It may be called if traces are disabled.
func (t *traces) close() {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	_ = t.provider.Shutdown(ctx) // the collector may be unavailable
}
