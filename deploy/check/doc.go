// Package check tests the Dockerfile and the compose file without Docker, with
// the parsers that Docker itself uses.
package check
