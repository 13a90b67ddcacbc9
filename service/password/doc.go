// Package password checks, hashes and scores passwords. Every hash runs through the gate of a
// Hasher, which bounds how many run at a time and how long a caller waits.
package password
