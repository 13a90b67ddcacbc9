// Package storetest is the conformance suite of the contract in package
// repository: what each set of stores promises, in the same tests and the same
// order, without opt-outs. If one backend cannot keep a promise, the promise
// changes for all.
//
// The names of the sub-tests are the promises.
package storetest
