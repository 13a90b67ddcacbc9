// Package app wires the service: it opens the stores that the settings name, makes the services
// and the router on them, and runs the server until its context is done. The program, the tests
// of the HTTP API and the benchmarks start it, so the wiring exists once.
//
//	Open ──► Parts      the stores, and each service that a command needs
//	New  ──► App        Open, migrate, load the keys, make every service and the router
//	         App.Run    background work, listener, drain
package app
