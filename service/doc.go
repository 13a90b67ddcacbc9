// Package service holds what all services share: the stable error codes, Error, and the
// constructors of errors that several packages return. The rules are in the packages below it,
// one per noun. They know no HTTP and no driver, and read and write through the contract in
// package repository.
//
//	account   session   login   oauth     what users and clients do
//	token     keys      jose    secret    what a token is, and the keys that sign it
//	password  audit     clock   health    what the others stand on
//	retention inspect                     deletion, and support
package service
