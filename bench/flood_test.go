package bench_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"latchkey/repository/throwaway"
)

func TestMain(m *testing.M) { throwaway.Main(m) }

const (
	runs       = 5
	perRun     = 5 * time.Second
	refreshers = 500 // a second, paced
	flooders   = 64
	cost       = 10
)

// BenchmarkFlood has 500 clients refresh, each once a second, while 64 connections
// flood the login with wrong passwords: from as many addresses for as many accounts
// (so that no limit is in the way but the gate), and then from one address.
//
//	go test -run '^$' -bench Flood -benchtime 1x ./bench
func BenchmarkFlood(b *testing.B) {
	ceiling := bcryptCeiling()
	b.Logf("bcrypt alone, cost %d, on %d cores: %.1f a second", cost, runtime.NumCPU(), ceiling)
	f := start(b)
	f.logIn(b, refreshers)
	calm := f.measure(0, nil)
	b.Logf("no flood          %s", calm)
	everywhere := func(i int) (string, string) {
		return fmt.Sprintf("10.%d.%d.%d", i>>16&255, i>>8&255, i&255), fmt.Sprint("nobody", i)
	}
	spread := f.measure(ceiling, everywhere)
	b.Logf("flood, spread out %s", spread)
	b.Logf("flood, one place  %s", f.measure(ceiling, func(i int) (string, string) { return "203.0.113.9", fmt.Sprint("nobody", i%7) }))
	left := 1 - (calm.service.middle()+calm.client.middle()+calm.rest.middle())/float64(runtime.NumCPU())
	b.Logf("the refreshes, their client and the stores leave %.2f of the cores; of what bcrypt alone would make on those, the flooded login made %.2f", left, spread.hashes.middle()/left)
	b.ReportMetric(spread.p99.middle(), "refresh-p99-ms")
	b.ReportMetric(spread.rate.middle(), "refresh/s")
	b.ReportMetric(spread.hashes.middle(), "login-share")
	b.ReportMetric(0, "ns/op")
	for b.Loop() { // it was measured above
	}
}

// bcryptCeiling is how many hashes a second all cores make.
func bcryptCeiling() float64 {
	hash, err := bcrypt.GenerateFromPassword([]byte("x"), cost)
	if err != nil {
		panic(err)
	}
	var n atomic.Int64
	var all sync.WaitGroup
	begin := time.Now()
	for range runtime.NumCPU() {
		all.Go(func() {
			for time.Since(begin) < 3*time.Second {
				_ = bcrypt.CompareHashAndPassword(hash, []byte("y"))
				n.Add(1)
			}
		})
	}
	all.Wait()
	return float64(n.Load()) / time.Since(begin).Seconds()
}

// spreadOf is the same figure of each run.
type spreadOf []float64

func (s spreadOf) middle() float64 { return slices.Sorted(slices.Values(s))[len(s)/2] }

func (s spreadOf) String() string {
	return fmt.Sprintf("%.2f (%.2f to %.2f)", s.middle(), slices.Min(s), slices.Max(s))
}

// figures are those of some runs.
type figures struct {
	rate, p50, p99, hashes, slowest spreadOf
	service, client, rest           spreadOf // cores that each was busy on
	failed                          int64
	codes                           map[int]int
}

func (f figures) String() string {
	s := fmt.Sprintf("refresh/s %s, p50 ms %s, p99 ms %s, failed %d; cores: service %s, client %s, stores and others %s",
		f.rate, f.p50, f.p99, f.failed, f.service, f.client, f.rest)
	if len(f.slowest) > 0 && f.codes != nil {
		s += fmt.Sprintf("; hashed logins / ceiling %s, slowest flooding answer s %s, answers %v", f.hashes, f.slowest, f.codes)
	}
	return s
}

// measure makes the runs, with a flood if who is given: whose address and account
// the i-th flooding request has.
func (s *service) measure(ceiling float64, who func(i int) (address, account string)) figures {
	var f figures
	var next atomic.Int64
	for range runs {
		stop := make(chan struct{})
		var flood sync.WaitGroup
		var mu sync.Mutex
		hashed, slowest := 0, time.Duration(0)
		if who != nil {
			f.codes = orNew(f.codes)
			for range flooders {
				flood.Go(func() {
					for {
						select {
						case <-stop:
							return
						default:
						}
						address, account := who(int(next.Add(1)))
						begin := time.Now()
						status, _ := s.post("/api/users/login", address, `{"username":"`+account+`","password":"wrong horse `+strconv.FormatInt(next.Load(), 10)+`"}`)
						took := time.Since(begin)
						mu.Lock()
						f.codes[status]++
						if status == http.StatusUnauthorized {
							hashed++
						}
						slowest = max(slowest, took)
						mu.Unlock()
						if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
							// An attacker who did not even wait that long would only flood itself.
							time.Sleep(25*time.Millisecond + rand.N(50*time.Millisecond))
						}
					}
				})
			}
			time.Sleep(500 * time.Millisecond)
		}
		mu.Lock()
		before := hashed
		mu.Unlock()
		busy := s.busy()
		took := s.refreshPaced(&f)
		busy = s.busy().since(busy)
		f.service, f.client = append(f.service, busy.service), append(f.client, busy.client)
		f.rest = append(f.rest, busy.all-busy.service-busy.client)
		mu.Lock()
		f.hashes = append(f.hashes, float64(hashed-before)/perRun.Seconds()/max(ceiling, 1))
		mu.Unlock()
		close(stop)
		flood.Wait()
		slices.Sort(took)
		f.rate = append(f.rate, float64(len(took))/perRun.Seconds())
		f.p50 = append(f.p50, ms(took[len(took)/2]))
		f.p99 = append(f.p99, ms(took[len(took)*99/100]))
		f.slowest = append(f.slowest, slowest.Seconds())
	}
	return f
}

// refreshPaced sends a refresh each 2 ms, each by another client, at its time
// whether or not the one before has its answer; a late answer counts from the
// time at which its request was due.
func (s *service) refreshPaced(f *figures) []time.Duration {
	n := int(perRun.Seconds() * refreshers)
	took := make([]time.Duration, n)
	var all sync.WaitGroup
	begin := time.Now()
	for i := range n {
		due := begin.Add(time.Duration(i) * time.Second / refreshers)
		time.Sleep(time.Until(due))
		all.Go(func() {
			who := i % refreshers
			status, body := s.post("/api/users/refresh", "", `{"refreshToken":"`+s.tokens[who]+`"}`)
			if status != http.StatusOK {
				atomic.AddInt64(&f.failed, 1)
			} else {
				s.tokens[who] = refreshTokenOf(body)
			}
			took[i] = time.Since(due)
		})
	}
	all.Wait()
	return took
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func orNew(m map[int]int) map[int]int {
	if m == nil {
		return map[int]int{}
	}
	return m
}
