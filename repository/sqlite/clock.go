package sqlite

import (
	"context"
	"time"
)

// NewestTime implements repository.TimeMark.
func (db *DB) NewestTime(ctx context.Context) (time.Time, error) {
	var newest int64
	err := db.read.QueryRowContext(ctx, `SELECT latest_time FROM clock`).Scan(&newest)
	return moment(newest), storeError(err)
}

// AdvanceTime implements repository.TimeMark.
func (db *DB) AdvanceTime(ctx context.Context, to time.Time) error {
	_, err := db.write.ExecContext(ctx, `UPDATE clock SET latest_time = max(latest_time, ?)`, micros(to))
	return storeError(err)
}

// SetTime implements repository.TimeMark.
func (db *DB) SetTime(ctx context.Context, to time.Time) error {
	_, err := db.write.ExecContext(ctx, `UPDATE clock SET latest_time = ?`, micros(to))
	return storeError(err)
}
