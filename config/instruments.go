package config

import (
	"net"
	"net/url"
)

// Metrics configures Prometheus metrics.
type Metrics struct {
	// Listen is the address and port of /metrics in the format of Prometheus, and of /readyz with
	// reasons; empty: disabled. Do not expose it to the internet.
	Listen string `mapstructure:"listen"`
}

func (c *Config) validateMetrics(p *problems) {
	if c.Metrics.Listen == "" {
		return
	}
	if _, _, err := net.SplitHostPort(c.Metrics.Listen); err != nil {
		p.add("metrics.listen", "must be an address and a port, as in 127.0.0.1:9090")
	} else if c.Metrics.Listen == c.Server.Listen {
		p.add("metrics.listen", "must differ from server.listen, because metrics must not be public")
	}
}

// Traces configures OpenTelemetry tracing.
type Traces struct {
	// Endpoint is the URL of a collector that accepts OTLP over HTTP; empty: disabled. It may
	// contain a key.
	Endpoint *url.URL `mapstructure:"endpoint" from:"file"`
	// SamplePercent is the percentage of requests without a trace that start one. A request that
	// belongs to a trace follows the sampling flag of the trace.
	SamplePercent int `mapstructure:"sample_percent"`
}

func (c *Config) validateTraces(p *problems) {
	if u := c.Traces.Endpoint; u != nil && *u != (url.URL{}) && (u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "") {
		p.add("traces.endpoint", "must be of the form http://127.0.0.1:4318/v1/traces")
	}
	if c.Traces.SamplePercent < 0 || c.Traces.SamplePercent > 100 {
		p.add("traces.sample_percent", "must be between 0 and 100")
	}
}
