// Package web embeds the files that the service serves to browsers. The browser client is in
// client, the demo page in demo, and the tests with real browsers and real clients in test.
package web

import "embed"

// Demo contains the demo page and the browser client that it uses. "make generate" builds
// demo/client.js from web/client.
//
//go:embed demo
var Demo embed.FS
