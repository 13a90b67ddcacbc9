package apidoc

import (
	"crypto/sha256"
	_ "embed" // the description and the page
	"encoding/base64"
	"strings"
)

//go:generate go run ./generate

var (
	//go:embed openapi.yaml
	openAPI string
	//go:embed docs.html
	page string
	//go:embed docs.css
	style string
)

// Description returns the API in OpenAPI 3.1. Prefix is the path that a proxy strips, and
// basePath is the path of the API below it.
func Description(prefix, basePath string) string {
	return strings.Replace(rebase(openAPI, basePath), "  - url: /\n", "  - url: "+prefix+"/\n", 1)
}

// Page returns the description as an HTML page without scripts.
func Page(basePath string) string { return rebase(page, basePath) }

// PagePolicy returns the Content-Security-Policy of Page, which loads nothing.
func PagePolicy() string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; frame-ancestors 'none'; base-uri 'none'"
}

// rebase replaces the path of the API, which is /api in the sources, by basePath.
func rebase(text, basePath string) string { return strings.ReplaceAll(text, "/api/", basePath+"/") }
