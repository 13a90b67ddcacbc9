// Package share limits how much of a resource one address may hold, so that one client cannot
// take all of it.
package share
