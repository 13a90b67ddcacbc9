// Generate writes docs.html, the page of the API, from openapi.yaml and docs.css in the working
// directory. "make generate" runs it.
package main

import (
	"fmt"
	"os"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	description, err := os.ReadFile("openapi.yaml")
	if err != nil {
		return err
	}
	style, err := os.ReadFile("docs.css")
	if err != nil {
		return err
	}
	page, err := render(description, string(style))
	if err != nil {
		return err
	}
	return os.WriteFile("docs.html", []byte(page), 0o644) //nolint:gosec // the mode that git gives it
}
