// Package apidoc describes the HTTP API: openapi.yaml for programs, and a page generated from
// it for people. The tests of package controller check every request and response against
// openapi.yaml.
package apidoc
