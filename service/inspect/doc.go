// Package inspect explains a token to an operator: what it says, whether it verifies, and whether
// its session accepts it. Nothing depends on it.
package inspect
