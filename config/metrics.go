package config

import "net"

// Metrics is for who runs the service.
type Metrics struct {
	// Listen is the address and port of /metrics, in Prometheus' form, and of
	// /readyz with its reasons; empty: none. Do not let the world reach it.
	Listen string `mapstructure:"listen"`
}

func (c *Config) validateMetrics(p *problems) {
	if c.Metrics.Listen == "" {
		return
	}
	if _, _, err := net.SplitHostPort(c.Metrics.Listen); err != nil {
		p.add("metrics.listen", "must be an address and a port, as in 127.0.0.1:9090")
	} else if c.Metrics.Listen == c.Server.Listen {
		p.add("metrics.listen", "must differ from server.listen: metrics are not for users")
	}
}
