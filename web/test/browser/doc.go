// Package browser tests what users see in a real browser: the page at /demo, the
// client of web/client and the cookies, in a headless Chromium against the built
// program behind an HTTPS proxy.
package browser
