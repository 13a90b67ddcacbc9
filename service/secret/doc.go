// Package secret holds the root secret, from which all other secrets of a deployment are derived.
// It does not know their purposes: each package that needs a key calls Derive with a purpose of its
// own.
package secret
