// Package health checks whether the stores answer, and reports whether a replica is ready.
package health
