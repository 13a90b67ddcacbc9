package main

import (
	"fmt"

	"latchkey/bench/attack"
	"latchkey/bench/compare"
	"latchkey/bench/report"
)

// report adds the tables and the bars.
func (b *bench) report(list []*visited) {
	by := map[string]*visited{}
	for _, v := range list {
		by[v.key] = v
	}
	b.reportRefresh(list, by[ours])
	b.reportFlood(list)
	servers := report.Table{Title: "The servers", Head: []string{"", "version", "stores", "access tokens", "on a refresh, the server …"}}
	for _, v := range list {
		servers.Add(v.name, v.version, v.stores, v.signs, v.refresh)
	}
	for _, why := range b.missing {
		servers.Note += "Left out: " + why + ". "
	}
	b.Report.Add(servers)
	b.bars(by)
}

func (b *bench) reportRefresh(list []*visited, our *visited) {
	t := report.Table{
		Title: "Refresh", Note: "\"Stores µs\" is the CPU time of Postgres and Redis. \"Ours ÷ theirs\" is the rate of Latchkey on Postgres and Redis, with HS256, as a multiple.",
		Head: []string{"", "refreshes/s", "p50 ms", "p99 ms", "CPU µs", "stores µs", "RSS MB", "ours ÷ theirs", "token replaced", "sessions lost", "failed requests"},
	}
	for _, v := range list {
		ratio := ""
		if our != nil && our != v {
			ratio = compare.Ratio(our.alone, v.alone, compare.Rate).String()
		}
		t.Add(v.name, v.alone.Of(compare.Rate), v.alone.Of(compare.P50), v.alone.Of(compare.P99), v.alone.Of(compare.CPU),
			v.alone.Of(func(s compare.Sample) float64 { return s.Postgres + s.Redis }), v.alone.Of(compare.Memory), ratio,
			map[bool]string{false: "no", true: "yes"}[v.replace], v.lost.Load(), v.failed)
	}
	b.Report.Add(t)
}

func (b *bench) reportFlood(list []*visited) {
	t := report.Table{
		Title: "Refreshes during a flood of logins",
		Note: fmt.Sprintf("%d refreshes a second are due, while %d connections send wrong passwords for unknown users from many addresses, and never pause. "+
			"A latency counts from the time at which the refresh is due. Refreshes that a server has not begun at the end count with the time that they have waited. "+
			"\"Refused as wrong\" is the rate of attempts with another answer than 429 or 503. "+
			"dex and supabase/auth compare no password for an unknown user: the flood costs them little, but the time of their answer reveals the usernames that exist.", attack.Paced, attack.Flooders),
		Head: []string{"", "refreshes/s", "p50 ms", "p99 ms", "refused as wrong, a second"},
	}
	for _, v := range list {
		if len(v.flooded) > 0 {
			t.Add(v.name, v.of(floodRate), v.of(func(f flooded) float64 { return f.P50 }), v.of(floodP99), v.of(func(f flooded) float64 { return f.hashed }))
		}
	}
	b.Report.Add(t)
}

func floodRate(f flooded) float64 { return f.Rate }
func floodP99(f flooded) float64  { return f.P99 }

// bars adds the bars whose servers were measured.
func (b *bench) bars(by map[string]*visited) {
	our := by[ours]
	for _, x := range []struct {
		number, us, them string
		least            float64
	}{
		{"12", ours, ofPocketBase, 1.5},
		{"12", ours, ofKeratin, 6},
		{"12", ours, ofExpress, 4},
		{"12", ours, ofSupabase, 15},
		{"6", oursEmbedded, ofPocketBase, 1.3},
	} {
		if us, them := by[x.us], by[x.them]; us != nil && them != nil {
			b.Report.Bar(x.number, fmt.Sprintf("refresh rate, %s ÷ %s", us.name, them.name), compare.Ratio(us.alone, them.alone, compare.Rate), report.AtLeast, x.least)
		}
	}
	var best *visited
	for _, v := range by {
		peer := v.program != "" && len(v.flooded) > 0
		if peer && (best == nil || v.of(floodP99).Median() < best.of(floodP99).Median()) {
			best = v
		}
	}
	if our == nil || best == nil {
		return
	}
	var share report.Spread
	for round := range our.flooded {
		share = append(share, best.flooded[round].P99/our.flooded[round].P99)
	}
	b.Report.Bar("12", fmt.Sprintf("p99 during a flood, %s (the best peer) ÷ ours", best.name), share, report.AtLeast, 20)
}
