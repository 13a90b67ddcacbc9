package compare

import (
	"fmt"
	"os"
	"time"

	"latchkey/bench/load"
	"latchkey/bench/report"
	"latchkey/bench/rig"
)

// Bench is a benchmark: what is measured, how often, and the report so far.
type Bench struct {
	rig.Programs
	Rounds int           // runs of each side
	Each   time.Duration // length of a run
	Report report.Report
	Begin  time.Time
	runs   []conditions
}

// Progress prints a line of progress, with the seconds since the beginning.
func (b *Bench) Progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%4.0fs  "+format+"\n", append([]any{time.Since(b.Begin).Seconds()}, args...)...)
}

// Side is one of the programs or paths of a comparison.
type Side struct {
	Name    string
	Program *rig.Running
	Clients []load.Client
}

// NewSide returns a side.
func NewSide(name string, program *rig.Running, clients []load.Client) Side {
	return Side{name, program, clients}
}

// Sample is the result of one run of one side.
type Sample struct {
	rig.Conditions
	Rate      float64 // a second
	P50, P99  float64 // ms
	CPU       float64 // of the program, µs a request
	Postgres  float64 // the same of the stores
	Redis     float64
	ClientCPU float64
	Memory    float64 // of the program, MB
}

// Samples are the runs of one side.
type Samples []Sample

// Of returns a figure of each run.
func (s Samples) Of(figure func(Sample) float64) report.Spread {
	list := make(report.Spread, len(s))
	for i, one := range s {
		list[i] = figure(one)
	}
	return list
}

// Ratio returns, for each round, the ratio of a figure of two sides.
func Ratio(a, b Samples, figure func(Sample) float64) report.Spread {
	list := make(report.Spread, min(len(a), len(b)))
	for i := range list {
		list[i] = figure(a[i]) / figure(b[i])
	}
	return list
}

// Rate returns the requests a second.
func Rate(s Sample) float64 { return s.Rate }

// CPU returns the CPU time of the program, in µs a request.
func CPU(s Sample) float64 { return s.CPU }

// PostgresCPU returns the CPU time of Postgres, in µs a request.
func PostgresCPU(s Sample) float64 { return s.Postgres }

// RedisCPU returns the CPU time of Redis, in µs a request.
func RedisCPU(s Sample) float64 { return s.Redis }

// ClientCPU returns the CPU time of the client, in µs a request.
func ClientCPU(s Sample) float64 { return s.ClientCPU }

// P50 returns the median latency, in ms.
func P50(s Sample) float64 { return s.P50 }

// P99 returns the latency that 1 % of the requests exceed, in ms.
func P99(s Sample) float64 { return s.P99 }

// Memory returns the resident memory of the program, in MB.
func Memory(s Sample) float64 { return s.Memory }

// AllCPU returns the CPU time of the service and its stores.
func AllCPU(s Sample) float64 { return s.CPU + s.Postgres + s.Redis }

// Alternate runs the sides in turn, so that a disturbance of the machine affects all of them.
func (b *Bench) Alternate(sides ...Side) ([]Samples, error) {
	return b.AlternateFor(b.Rounds, b.Each, sides...)
}

// AlternateFor runs the sides in turn, for some rounds of runs of the length each.
func (b *Bench) AlternateFor(rounds int, each time.Duration, sides ...Side) ([]Samples, error) {
	all := make([]Samples, len(sides))
	for round := range rounds {
		for i, s := range sides {
			one, err := Undisturbed(b, s.Name, s.Program.Settings, func() (Sample, error) {
				load.Closed(s.Program.Address, s.Clients, each/8) // caches, the heap
				return Once(s, func() load.Result { return load.Closed(s.Program.Address, s.Clients, each) })
			})
			if err != nil {
				return nil, err
			}
			all[i] = append(all[i], one)
			b.Progress("%-28s run %d of %d: %s/s, %s µs CPU, p99 %s ms", s.Name, round+1, rounds, report.Short(one.Rate), report.Short(one.CPU), report.Short(one.P99))
		}
	}
	return all, nil
}

// Once measures one run. A failed request is an error.
func Once(s Side, run func() load.Result) (Sample, error) {
	one, r := Measure(s, run)
	if r.Requests == 0 || r.First != nil {
		return Sample{}, fmt.Errorf("%s: %d requests failed, the first: %w", s.Name, r.Failed, r.First)
	}
	return one, nil
}

// Measure measures one run. Failed requests count only in the result of the clients.
func Measure(s Side, run func() load.Result) (Sample, load.Result) {
	d, postgres, redis := s.Program.On, 0, 0
	if d.Postgres != nil {
		postgres, redis = d.Postgres.Pid(), d.Redis.Pid()
	}
	read := func() [4]time.Duration {
		return [4]time.Duration{rig.TreeTime(s.Program.Pid()), rig.FamilyTime(postgres), rig.ProcessorTime(redis), rig.ProcessorTime(os.Getpid())}
	}
	var r load.Result
	var before, after [4]time.Duration
	conditions := rig.Observe(func() {
		before = read()
		r = run()
		after = read()
	})
	var each [4]float64
	for i := range each {
		each[i] = float64((after[i] - before[i]).Microseconds()) / float64(max(1, r.Requests))
	}
	var now int64
	for _, pid := range rig.Family(s.Program.Pid()) {
		resident, _ := rig.Memory(pid)
		now += resident
	}
	return Sample{
		Conditions: conditions, Rate: r.Rate(), P50: Milliseconds(r.Quantile(.5)), P99: Milliseconds(r.Quantile(.99)), CPU: each[0], Postgres: each[1], Redis: each[2], ClientCPU: each[3],
		Memory: float64(now) / 1e6,
	}, r
}

// Milliseconds returns a duration in ms.
func Milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
