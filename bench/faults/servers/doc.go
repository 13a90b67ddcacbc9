// Package servers starts the stores, the Sentinels and the proxy that the faults break.
package servers
