// Package service provides the error codes, the Error type, and the constructors of errors that
// several services return. The business rules are in its subpackages, one per noun. They do not
// depend on HTTP or on a driver, and use the store through the interfaces in package repository.
//
//	account   session   login   oauth     operations of users and clients
//	token     keys      jose    secret    tokens, and the keys that sign them
//	password  audit     clock   health    foundations of the other packages
//	retention inspect                     deletion and support
package service
