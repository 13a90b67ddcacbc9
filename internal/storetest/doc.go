// Package storetest is the conformance suite for the contract of package repository. Each set
// of stores runs the same tests in the same order, without opt-outs. If one backend cannot
// keep a promise, the promise changes for all backends.
//
// Each sub-test is named for the promise that it tests.
package storetest
