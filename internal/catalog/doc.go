// Package catalog contains the texts for people in each language: of the mails, in files that an
// operator can replace, and of the pages, in Go. It chooses the language for a client.
package catalog
