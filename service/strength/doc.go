// Package strength scores passwords for sign-up forms. It is apart from package
// service because of its word lists, which whoever only guards routes by access
// tokens need not carry.
package strength
