package main

import (
	"errors"
	"os"
	"path/filepath"

	"latchkey/bench/compare"
	"latchkey/bench/report"
	"latchkey/bench/rig"
)

// builds compares this build of the program with another, each on stores of its own.
func (b *bench) builds() error {
	if b.against == "" {
		return errors.New("this section needs -against, the path of another build of the program")
	}
	programs := []struct {
		name string
		rig.Programs
	}{
		{"this build", b.Programs},
		{"the other build", rig.Programs{Service: b.against}},
	}
	var servers, files []compare.Side
	for _, p := range programs {
		d, err := rig.Deploy(p.Programs)
		if err != nil {
			return err
		}
		defer d.Close()
		if err := d.Seed(rig.Connections); err != nil {
			return err
		}
		service, err := d.StartService()
		if err != nil {
			return err
		}
		defer service.Stop()
		servers = append(servers,
			compare.NewSide("refresh, "+p.name, service, rotating(d, 0)),
			compare.NewSide("GET /api/users/me, "+p.name, service, b.getters(d, "/api/users/me", 1)))

		dir, err := rig.DataDir()
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(dir) }()
		f, err := rig.DeployEmbedded(p.Programs, dir)
		if err != nil {
			return err
		}
		if err := rig.SeedFile(filepath.Join(dir, "latchkey.db"), rig.Connections); err != nil {
			b.Progress("no comparison on SQLite, because the other build has another schema: %v", err)
			continue
		}
		embedded, err := f.StartService()
		if err != nil {
			return err
		}
		defer embedded.Stop()
		files = append(files, compare.NewSide("refresh on SQLite, "+p.name, embedded, rotating(f, 0)))
	}
	sides := []compare.Side{servers[0], servers[2], servers[1], servers[3]}
	if len(files) == len(programs) {
		sides = append(sides, files...)
	}
	runs, err := b.Alternate(sides...)
	if err != nil {
		return err
	}
	t := report.Table{
		Title: "Two builds", Note: "The last columns are the ratios of the two, run by run.",
		Head: []string{"", "requests/s", "p99 ms", "CPU µs", "Postgres µs", "Redis µs", "RSS MB", "rate", "CPU"},
	}
	for i := 0; i < len(sides); i += len(programs) {
		this, other := runs[i], runs[i+1]
		t.Add(sides[i].Name, this.Of(compare.Rate), this.Of(compare.P99), this.Of(compare.CPU), this.Of(compare.PostgresCPU), this.Of(compare.RedisCPU), this.Of(compare.Memory), compare.Ratio(this, other, compare.Rate), compare.Ratio(this, other, compare.CPU))
		t.Add(sides[i+1].Name, other.Of(compare.Rate), other.Of(compare.P99), other.Of(compare.CPU), other.Of(compare.PostgresCPU), other.Of(compare.RedisCPU), other.Of(compare.Memory))
	}
	b.Report.Add(t)
	return nil
}
