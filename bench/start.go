package main

import (
	"os"
	"time"

	"latchkey/bench/compare"
	"latchkey/bench/load"
	"latchkey/bench/report"
	"latchkey/bench/rig"
)

// start measures the time until the first healthy response, the memory when idle and under
// load, and the size of the program.
func (b *bench) start() error {
	d, err := rig.Deploy(b.Programs)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Seed(rig.Connections); err != nil {
		return err
	}
	info, err := os.Stat(b.Service)
	if err != nil {
		return err
	}
	clients := rig.ClientsOf(rig.Refreshers("/api/users/refresh", d.Refresh, 0, rig.Connections))
	var first, idle, loaded report.Spread
	for range b.Rounds {
		service, err := d.StartService()
		if err != nil {
			return err
		}
		first = append(first, compare.Milliseconds(service.First))
		time.Sleep(time.Second)
		now, _ := rig.Memory(service.Pid())
		idle = append(idle, float64(now)/1e6)
		if r := load.Closed(service.Address, clients, b.Each); r.First != nil {
			return r.First
		}
		_, peak := rig.Memory(service.Pid())
		loaded = append(loaded, float64(peak)/1e6)
		service.Stop()
		b.Progress("healthy after %s ms, idle %s MB, at most %s MB under load", report.Short(first[len(first)-1]), report.Short(idle[len(idle)-1]), report.Short(loaded[len(loaded)-1]))
	}
	t := report.Table{Title: "Start, memory, size", Note: "On Postgres and Redis, with an existing schema. \"Under load\" is the peak while 64 connections refresh.", Head: []string{"", ""}}
	t.Add("first healthy response, ms", first)
	t.Add("RSS idle, MB", idle)
	t.Add("RSS under load, MB", loaded)
	size := report.Spread{float64(info.Size()) / 1e6}
	t.Add("static binary, MB", report.Short(size[0]))
	b.Report.Add(t)
	b.Report.Bar("8", "first healthy response, ms", first, report.AtMost, 150)
	b.Report.Bar("8", "RSS idle, MB", idle, report.AtMost, 40)
	b.Report.Bar("8", "RSS under load, MB", loaded, report.AtMost, 64)
	b.Report.Bar("8", "binary, MB", size, report.AtMost, 45)
	return nil
}
