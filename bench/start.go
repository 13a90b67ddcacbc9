package main

import (
	"os"
	"time"

	"latchkey/bench/load"
)

// start measures what the program takes before it does anything, and under load.
func (b *bench) start() error {
	d, err := deploy(b.programs)
	if err != nil {
		return err
	}
	defer d.close()
	if err := d.seed(connections); err != nil {
		return err
	}
	info, err := os.Stat(b.service)
	if err != nil {
		return err
	}
	clients := clientsOf(refreshers("/api/users/refresh", d.refresh, 0, connections))
	var first, idle, loaded spread
	for range b.rounds {
		service, err := d.startService()
		if err != nil {
			return err
		}
		first = append(first, ms(service.first))
		time.Sleep(time.Second)
		now, _ := memory(service.Pid())
		idle = append(idle, float64(now)/1e6)
		if r := load.Closed(service.address, clients, b.each); r.First != nil {
			return r.First
		}
		_, peak := memory(service.Pid())
		loaded = append(loaded, float64(peak)/1e6)
		service.Stop()
		b.progress("healthy after %s ms, idle %s MB, at most %s MB under load", short(first[len(first)-1]), short(idle[len(idle)-1]), short(loaded[len(loaded)-1]))
	}
	t := table{Title: "Start, memory, size", Note: "On Postgres and Redis, the schema there. Under load: 64 connections that refresh; the most that was resident.", Head: []string{"", ""}}
	t.add("first healthy answer, ms", first)
	t.add("RSS idle, MB", idle)
	t.add("RSS under load, MB", loaded)
	size := spread{float64(info.Size()) / 1e6}
	t.add("static binary, MB", short(size[0]))
	b.report.add(t)
	b.report.bar("8", "first healthy answer, ms", first, atMost, 150)
	b.report.bar("8", "RSS idle, MB", idle, atMost, 40)
	b.report.bar("8", "RSS under load, MB", loaded, atMost, 64)
	b.report.bar("8", "binary, MB", size, atMost, 30)
	return nil
}
