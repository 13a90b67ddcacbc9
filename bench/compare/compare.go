package main

import (
	"fmt"
	"os"
	"time"

	"latchkey/bench/load"
	"latchkey/bench/report"
	"latchkey/bench/rig"
)

// side is one of the programs or paths of a comparison.
type side struct {
	name    string
	program *rig.Running
	clients []load.Client
}

// sample is the result of one run of one side.
type sample struct {
	Rate      float64 // a second
	P50, P99  float64 // ms
	CPU       float64 // of the program, µs a request
	Postgres  float64 // the same of the stores
	Redis     float64
	ClientCPU float64
	Memory    float64 // of the program, MB
	Failed    int
}

// samples are the runs of one side.
type samples []sample

func (s samples) of(figure func(sample) float64) report.Spread {
	list := make(report.Spread, len(s))
	for i, one := range s {
		list[i] = figure(one)
	}
	return list
}

// ratio returns, for each round, the ratio of a figure of two sides.
func ratio(a, b samples, figure func(sample) float64) report.Spread {
	list := make(report.Spread, min(len(a), len(b)))
	for i := range list {
		list[i] = figure(a[i]) / figure(b[i])
	}
	return list
}

func rate(s sample) float64      { return s.Rate }
func cpu(s sample) float64       { return s.CPU }
func p50(s sample) float64       { return s.P50 }
func p99(s sample) float64       { return s.P99 }
func clientCPU(s sample) float64 { return s.ClientCPU }
func redisCPU(s sample) float64  { return s.Redis }
func pgCPU(s sample) float64     { return s.Postgres }
func resident(s sample) float64  { return s.Memory }

// allCPU returns the CPU time of the service and its stores.
func allCPU(s sample) float64 { return s.CPU + s.Postgres + s.Redis }

// alternate runs the sides in turn, for some rounds, so that a disturbance of the machine
// affects all of them.
func (b *bench) alternate(sides ...side) ([]samples, error) {
	all := make([]samples, len(sides))
	for round := range b.rounds {
		for i, s := range sides {
			if round == 0 { // connections, caches, the heap
				load.Closed(s.program.Address, s.clients, b.each/4)
			}
			one, err := once(s, func() load.Result { return load.Closed(s.program.Address, s.clients, b.each) })
			if err != nil {
				return nil, err
			}
			all[i] = append(all[i], one)
			b.progress("%-28s run %d of %d: %s/s, %s µs CPU, p99 %s ms", s.name, round+1, b.rounds, report.Short(one.Rate), report.Short(one.CPU), report.Short(one.P99))
		}
	}
	return all, nil
}

// once measures one run.
func once(s side, run func() load.Result) (sample, error) {
	d, postgres, redis := s.program.On, 0, 0
	if d.Postgres != nil {
		postgres, redis = d.Postgres.Pid(), d.Redis.Pid()
	}
	read := func() [4]time.Duration {
		return [4]time.Duration{rig.ProcessorTime(s.program.Pid()), rig.FamilyTime(postgres), rig.ProcessorTime(redis), rig.ProcessorTime(os.Getpid())}
	}
	before := read()
	r := run()
	after := read()
	if r.Requests == 0 || r.First != nil {
		return sample{}, fmt.Errorf("%s: %d requests failed, the first: %w", s.name, r.Failed, r.First)
	}
	var each [4]float64
	for i := range each {
		each[i] = float64((after[i] - before[i]).Microseconds()) / float64(r.Requests)
	}
	now, _ := rig.Memory(s.program.Pid())
	return sample{
		Rate: r.Rate(), P50: ms(r.Quantile(.5)), P99: ms(r.Quantile(.99)), CPU: each[0], Postgres: each[1], Redis: each[2], ClientCPU: each[3],
		Memory: float64(now) / 1e6, Failed: r.Failed,
	}, nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
