package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"latchkey/bench/compare"
	"latchkey/bench/report"
	"latchkey/bench/rig"
)

// embedded measures refreshes on SQLite, and the writes that the disk can do.
func (b *bench) embedded() error {
	dir, err := rig.DataDir()
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	d, err := rig.DeployEmbedded(b.Programs, dir)
	if err != nil {
		return err
	}
	if err := rig.SeedFile(filepath.Join(dir, "latchkey.db"), rig.Connections); err != nil {
		return err
	}
	service, err := d.StartService()
	if err != nil {
		return err
	}
	defer service.Stop()
	var syncs, share report.Spread
	var s compare.Samples
	clients := rig.ClientsOf(rig.Refreshers("/api/users/refresh", d.Refresh, 0, rig.Connections))
	for range b.Rounds {
		n, err := syncsPerSecond(dir, min(b.Each, 2*time.Second))
		if err != nil {
			return err
		}
		runs, err := b.AlternateFor(1, b.Each, compare.NewSide("refresh on SQLite", service, clients))
		if err != nil {
			return err
		}
		syncs, s, share = append(syncs, n), append(s, runs[0]...), append(share, runs[0][0].Rate/n)
	}
	t := report.Table{
		Title: "Embedded", Note: "SQLite with synchronous=FULL. Concurrent refreshes share a write to the disk.",
		Head: []string{"", "a second", "p50 ms", "p99 ms", "CPU µs", "RSS MB"},
	}
	t.Add("refresh on SQLite", s.Of(compare.Rate), s.Of(compare.P50), s.Of(compare.P99), s.Of(compare.CPU), s.Of(compare.Memory))
	t.Add("write of 4 KB and fsync, this disk", syncs)
	b.Report.Add(t)
	b.Report.Bar("6", "refreshes on SQLite for each fsync that the disk can do", share, report.AtLeast, 2)
	return nil
}

// syncsPerSecond returns how often a second a small write can be synced to the disk.
func syncsPerSecond(dir string, d time.Duration) (float64, error) {
	f, err := os.CreateTemp(dir, "sync-")
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close(); _ = os.Remove(f.Name()) }()
	page := make([]byte, 4096)
	begin, n := time.Now(), 0
	for ; time.Since(begin) < d; n++ {
		if _, err := f.Write(page); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, fmt.Errorf("sync: %w", err)
		}
	}
	return float64(n) / time.Since(begin).Seconds(), nil
}
