// Package problem is the only mapping from an error to a status and a body (RFC 9457). Handlers
// and middleware use the same Writer, so a 401 from a guard and a 401 from a handler are byte
// for byte the same.
package problem
