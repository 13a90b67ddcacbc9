// Package login turns credentials into a session: it counts the attempt (Throttle), finds the user,
// compares the password, and starts the session. It also changes passwords, because a change
// confirms the current password under the same limits.
package login
