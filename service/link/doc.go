// Package link contains the tokens of one-time links and the rules for them: how long a link lives,
// how many are live, and which URL has the token. It has no store.
package link
