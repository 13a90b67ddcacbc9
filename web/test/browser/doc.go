// Package browser tests the user interface in a real browser: the page at /demo, the client of
// web/client and the cookies. It uses a headless Chromium and the built program behind an HTTPS
// proxy.
package browser
