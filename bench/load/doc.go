// Package load is the client of the benchmarks. It is a closed loop: each of its
// connections sends a request when it has the response to the previous request, so that
// no queue of the client is measured. It writes and reads HTTP/1.1 without net/http,
// because it shares the cores with the measured programs.
package load
