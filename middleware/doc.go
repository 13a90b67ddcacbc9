// Package middleware contains the handlers that run before the routes. Only the access token
// check authenticates the caller, and it does no I/O. The rest are limits, headers and the log.
package middleware
