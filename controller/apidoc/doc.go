// Package apidoc describes the HTTP API: openapi.yaml for programs, and a page made from it
// for people. The tests of package controller check every request and answer against
// openapi.yaml.
package apidoc
