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

// grown is a deployment with a number of users, each with one session.
type grown struct {
	*rig.Deployment
	name     string
	sessions int
	dir      string // of the SQLite file; empty: Postgres and Redis
	seeding  time.Duration
	held     held
	clients  []*rig.Refresher
	service  *rig.Running
}

// growth measures refreshes with more and more sessions. Each size is a deployment of
// its own, so that every round measures all sizes in turn.
func (b *bench) growth() error {
	if b.sessions < 100*rig.Connections {
		return fmt.Errorf("-sessions must be %d or more", 100*rig.Connections)
	}
	var all []*grown
	defer func() {
		for _, g := range all {
			g.close()
		}
	}()
	for _, embedded := range []bool{false, true} {
		for _, n := range []int{b.sessions / 100, b.sessions / 10, b.sessions} {
			g, err := b.grow(n, embedded)
			if g != nil {
				all = append(all, g)
			}
			if err != nil {
				return err
			}
		}
	}
	sides := make([]compare.Side, len(all))
	for i, g := range all {
		g.clients = rig.Refreshers("/api/users/refresh", g.Refresh, 0, g.sessions)
		sides[i] = compare.Side{Name: g.name, Program: g.service, Clients: rig.ClientsOf(g.clients)}
	}
	// The sizes differ by less than the machine does from one minute to the next: use more
	// turns, and shorter ones.
	runs, err := b.AlternateFor(3*b.Rounds, b.Each/3, sides...)
	if err != nil {
		return err
	}
	return b.reportGrowth(all, runs)
}

// grow makes a deployment of one size and starts the service on it.
func (b *bench) grow(n int, embedded bool) (g *grown, err error) {
	g = &grown{name: fmt.Sprintf("%d, Postgres + Redis", n), sessions: n}
	seed := func() error { return b.seedServers(g) }
	if embedded {
		g.name = fmt.Sprintf("%d, SQLite", n)
		if g.dir, err = rig.DataDir(); err != nil {
			return nil, err
		}
		g.Deployment, err = rig.DeployEmbedded(b.Programs, g.dir)
		seed = func() error { return rig.SeedFile(g.file(), n) }
	} else {
		g.Deployment, err = rig.Deploy(b.Programs)
	}
	if err != nil {
		return g, err
	}
	begin := time.Now()
	if err := seed(); err != nil {
		return g, err
	}
	g.seeding = time.Since(begin)
	b.Progress("%-28s written in %s s", g.name, report.Short(g.seeding.Seconds()))
	if g.dir != "" {
		g.held.row, err = fileSize(g.file(), n)
	}
	if err != nil {
		return g, err
	}
	g.service, err = g.StartService()
	return g, err
}

// seedServers writes the users to Postgres and the sessions to Redis, and measures
// the size of each.
func (b *bench) seedServers(g *grown) error {
	empty, err := usedMemory(g.Redis)
	if err != nil {
		return err
	}
	if err := g.SeedUsers(g.sessions); err != nil {
		return err
	}
	b.Progress("%-28s users written", g.name)
	if err := g.SeedSessions(g.sessions, func(done int) { b.Progress("%-28s %d sessions written", g.name, done) }); err != nil {
		return err
	}
	used, err := usedMemory(g.Redis)
	if err != nil {
		return err
	}
	g.held.redis = used - empty
	g.held.row, err = bytesPerUser(g.Postgres, g.sessions)
	return err
}

func (g *grown) file() string { return filepath.Join(g.dir, "latchkey.db") }

func (g *grown) close() {
	if g.service != nil {
		g.service.Stop()
	}
	if g.Deployment != nil {
		g.Close()
	}
	if g.dir != "" {
		_ = os.RemoveAll(g.dir)
	}
}

// reportGrowth adds a table with a column for each deployment, and the bars.
func (b *bench) reportGrowth(all []*grown, runs []compare.Samples) error {
	t := report.Table{
		Title: "Growth",
		Note: fmt.Sprintf("Each user has one session. Each of %d connections refreshes random sessions from its share of all sessions. "+
			"\"Redis, bytes a session: total\" is the growth of used_memory from empty to all sessions after their logins. It includes the hash of the session, the index of "+
			"its user (one for each user, however many sessions) and Redis' own tables of keys and expiries. The hash and the index are measured by MEMORY USAGE, "+
			"the hash after a refresh.", rig.Connections),
		Head: []string{""},
	}
	rows := make([][]any, len(growthRows))
	scans := 0
	for i, g := range all {
		t.Head = append(t.Head, g.name)
		if g.Redis != nil {
			calls, err := g.inspectRedis()
			if err != nil {
				return err
			}
			scans += calls
		}
		for j, r := range growthRows {
			rows[j] = append(rows[j], r.cell(g, runs[i]))
		}
	}
	for j, r := range growthRows {
		t.Add(r.name, rows[j]...)
	}
	b.Report.Add(t)
	most, least := runs[2], runs[0]
	b.Report.Bar("7", fmt.Sprintf("refresh at %d sessions: CPU (service and stores) against %d", all[2].sessions, all[0].sessions), compare.Ratio(most, least, compare.AllCPU), report.AtMost, 1.10)
	b.Report.Bar("7", fmt.Sprintf("refresh at %d sessions: rate against %d", all[2].sessions, all[0].sessions), compare.Ratio(most, least, compare.Rate), report.AtLeast, 0.90)
	b.Report.Bar("7", "bytes of Redis a session (its hash)", report.Spread{float64(all[2].held.session)}, report.AtMost, 600)
	b.Report.Bar("7", "key scans, calls", report.Spread{float64(scans)}, report.AtMost, 0)
	return nil
}

// growthRows are the figures of a deployment.
var growthRows = []struct {
	name string
	cell func(*grown, compare.Samples) any
}{
	{"refreshes/s", func(_ *grown, s compare.Samples) any { return s.Of(compare.Rate) }},
	{"p50 ms", func(_ *grown, s compare.Samples) any { return s.Of(compare.P50) }},
	{"p99 ms", func(_ *grown, s compare.Samples) any { return s.Of(compare.P99) }},
	{"CPU of the service, µs a request", func(_ *grown, s compare.Samples) any { return s.Of(compare.CPU) }},
	{"of Postgres, µs", func(g *grown, s compare.Samples) any { return onServers(g, s.Of(compare.PostgresCPU)) }},
	{"of Redis, µs", func(g *grown, s compare.Samples) any { return onServers(g, s.Of(compare.RedisCPU)) }},
	{"of the client, µs", func(_ *grown, s compare.Samples) any { return s.Of(compare.ClientCPU) }},
	{"RSS of the service, MB", func(_ *grown, s compare.Samples) any { return s.Of(compare.Memory) }},
	{"Redis, MB", func(g *grown, _ compare.Samples) any { return onServers(g, report.Short(float64(g.held.redis)/1e6)) }},
	{"Redis, bytes a session: total", func(g *grown, _ compare.Samples) any {
		return onServers(g, report.Short(float64(g.held.redis)/float64(g.sessions)))
	}},
	{"hash of the session", func(g *grown, _ compare.Samples) any { return onServers(g, g.held.session) }},
	{"index of its user", func(g *grown, _ compare.Samples) any { return onServers(g, g.held.index) }},
	{"Postgres, bytes a user", func(g *grown, _ compare.Samples) any { return onServers(g, g.held.row) }},
	{"SQLite file, bytes a user and session", func(g *grown, _ compare.Samples) any {
		if g.dir == "" {
			return ""
		}
		return g.held.row
	}},
	{"seeding, s", func(g *grown, _ compare.Samples) any { return report.Short(g.seeding.Seconds()) }},
}

// onServers returns an empty cell for a deployment on SQLite.
func onServers(g *grown, cell any) any {
	if g.dir != "" {
		return ""
	}
	return cell
}
