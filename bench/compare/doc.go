// Package compare runs programs in turn under the same load and compares their figures. It watches
// the machine, and repeats a run that other processes disturbed.
package compare
