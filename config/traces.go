package config

import "net/url"

// Traces are for who looks into how long what takes.
type Traces struct {
	// Endpoint is the URL of a collector that takes OTLP over HTTP; empty: none.
	Endpoint *url.URL `mapstructure:"endpoint"`
	// SamplePercent is how many of the requests that come without a trace begin
	// one; those with one follow its flag.
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
