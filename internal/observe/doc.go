// Package observe shows the state of the process to operators: metrics for Prometheus, traces
// for OpenTelemetry, and log lines that say what to change in a store.
package observe
