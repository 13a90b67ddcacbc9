// Package apptest starts the services of Latchkey on a real store, with a clock that a test moves.
package apptest
