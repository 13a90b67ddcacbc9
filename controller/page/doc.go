// Package page writes the HTML pages of the server itself: the login page of OAuth clients and
// its error page. They work without scripts.
package page
