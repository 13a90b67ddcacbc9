// Command latchkey is the service and its tools. The function run is the whole program, so that
// a test can call it. Package internal/app opens the stores and makes the services.
package main
