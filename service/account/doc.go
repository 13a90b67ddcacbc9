// Package account creates, finds and describes accounts. It also issues the access token with which
// an administrator acts in the place of a user (impersonation).
package account
