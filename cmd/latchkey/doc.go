// Command latchkey is the service and its tools. The program is the function
// run, which a test can call; wire.go is the only place that names backends.
package main
