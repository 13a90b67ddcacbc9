package compare

import (
	"fmt"

	"latchkey/bench/report"
	"latchkey/bench/rig"
)

// attempts is how often a run is made until other processes leave the machine alone.
const attempts = 3

// conditions are the conditions of the runs of one name.
type conditions struct {
	name, settings        string
	foreign, steal, speed report.Spread
}

// Result is the result of a run.
type Result interface{ DuringRun() rig.Conditions }

// Undisturbed measures a run again if other processes disturbed it, and records its conditions.
// If all attempts are disturbed, the last one counts. The report names each disturbed run.
func Undisturbed[T Result](b *Bench, name, settings string, measure func() (T, error)) (T, error) {
	for attempt := 1; ; attempt++ {
		result, err := measure()
		if err != nil {
			return result, err
		}
		c := result.DuringRun()
		disturbed, last := c.Foreign > rig.MostForeign, attempt == attempts
		if disturbed {
			what := map[bool]string{false: "repeated", true: "kept, because all attempts were disturbed"}[last]
			b.Report.Disturbed = append(b.Report.Disturbed, fmt.Sprintf("%s: %.0f %% foreign CPU, %s", name, 100*c.Foreign, what))
			b.Progress("%s: %.0f %% foreign CPU, %s", name, 100*c.Foreign, what)
		}
		if !disturbed || last {
			b.record(name, settings, c)
			return result, nil
		}
	}
}

// record adds the conditions of a run to the earlier runs with the same name.
func (b *Bench) record(name, settings string, c rig.Conditions) {
	var of *conditions
	for i := range b.runs {
		if b.runs[i].name == name {
			of = &b.runs[i]
		}
	}
	if of == nil {
		b.runs = append(b.runs, conditions{name: name, settings: settings})
		of = &b.runs[len(b.runs)-1]
	}
	of.foreign, of.steal, of.speed = append(of.foreign, 100*c.Foreign), append(of.steal, 100*c.Steal), append(of.speed, c.Speed)
}

// ReportRuns adds a table of the conditions of all runs.
func (b *Bench) ReportRuns() {
	t := report.Table{
		Title: "The runs: settings and conditions",
		Note: fmt.Sprintf("Settings are those that differ from the defaults. Foreign CPU is the share of all cores that other processes used, and steal the share "+
			"that the hypervisor gave to other machines. A run with more than %.0f %% foreign CPU is repeated. The speed of a core is its SHA-256 just before the run.", 100*rig.MostForeign),
		Head: []string{"runs of", "settings", "foreign CPU, %", "steal, %", "speed of a core, MB/s"},
	}
	for _, c := range b.runs {
		t.Add(c.name, c.settings, c.foreign, c.steal, c.speed)
	}
	if len(b.runs) > 0 {
		b.Report.Add(t)
	}
}
