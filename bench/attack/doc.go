// Package attack floods a login with wrong passwords.
package attack
