// Package recovery restores access to an account: it verifies addresses, resets forgotten passwords,
// and completes and undoes changes of the address. Each flow ends with a one-time link, which one
// transition of the store uses. service/mail sends the links, and service/login changes accounts of
// users who know their password.
package recovery
