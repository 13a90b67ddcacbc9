// Package secret holds the root secret, from which every other secret of a deployment is derived.
// It knows no purposes: each package that needs a key calls Derive with the name of its own.
package secret
