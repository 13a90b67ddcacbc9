// Package bench measures the program as it is built: a process of its own, real
// servers, one closed-loop client. Its figures are ratios within one run, since
// machines are noisy. Nothing here is a test.
package bench
