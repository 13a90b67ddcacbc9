// Package service holds the rules: who may have an account, what a password
// must be, what a token says, what becomes of a session. It knows no HTTP and
// no driver; it reads and writes through the contract in package repository.
//
//	Accounts   sign-up, reading a user
//	Login      a name and a password for a session
//	Sessions   refresh, rtVerify, logout, devices: the refresh token protocol
//	Passwords  a new password for an old one
//	Health     whether the stores answer
//	Tokens     mints and verifies access and refresh JWTs; no I/O
//	Hasher     bcrypt behind a gate
//
// What needs no I/O is a pure function in a file of its own: names, passwords,
// the chain of token ids, the form of a token. Every failure is an *Error with a stable Code, or is
// internal.
package service
