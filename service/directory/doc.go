// Package directory lists, changes and removes the accounts of other users, for managers,
// administrators and operators.
package directory
