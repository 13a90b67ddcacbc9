// Package page writes the HTML pages of the server itself: the login page of OAuth clients, the
// pages of one-time links, and their error pages. They work without scripts. internal/catalog has
// their texts.
package page

//go:generate go tool -modfile=../../tools/templ.mod templ generate -path . -lazy=false -log-level error
