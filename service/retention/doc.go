// Package retention deletes expired records, in batches, and only while the clock is trusted.
package retention
