package web

import "embed"

// Demo contains the demo page and the browser client that it uses. "make generate" builds
// demo/client.js from web/client.
//
//go:embed demo
var Demo embed.FS
