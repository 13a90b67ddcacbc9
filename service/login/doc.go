// Package login turns credentials into a session: it counts the attempt (Throttle), finds the
// user, compares the password, and starts the session. It also changes passwords, since that
// confirms the current password under the same limits.
package login
