// Package middleware holds what stands before the handlers: the access token
// check and nothing else decides who is asking; the rest are limits, headers
// and the log. The access check does no I/O.
//
// It also knows how tokens travel: in which headers and cookies they are found.
package middleware
