// Package inspect explains a token to an operator: its content, whether it verifies, and whether
// its session accepts it. No other service depends on it.
package inspect
