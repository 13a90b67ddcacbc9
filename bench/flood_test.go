package bench_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
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
	b.Logf("no flood          %s", f.measure(0, nil))
	everywhere := func(i int) (string, string) {
		return fmt.Sprintf("10.%d.%d.%d", i>>16&255, i>>8&255, i&255), fmt.Sprint("nobody", i)
	}
	spread := f.measure(ceiling, everywhere)
	b.Logf("flood, spread out %s", spread)
	b.Logf("flood, one place  %s", f.measure(ceiling, func(i int) (string, string) { return "203.0.113.9", fmt.Sprint("nobody", i%7) }))
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
	return fmt.Sprintf("%.1f (%.1f to %.1f)", s.middle(), slices.Min(s), slices.Max(s))
}

// figures are those of some runs.
type figures struct {
	rate, p50, p99, hashes, slowest spreadOf
	failed                          int64
	codes                           map[int]int
}

func (f figures) String() string {
	s := fmt.Sprintf("refresh/s %s, p50 ms %s, p99 ms %s, failed %d", f.rate, f.p50, f.p99, f.failed)
	if len(f.slowest) > 0 && f.codes != nil {
		s += fmt.Sprintf("; hashed logins / ceiling %s, slowest flooding answer s %s, answers %v", f.hashes, f.slowest, f.codes)
	}
	return s
}

// service is the built program on servers of its own.
type service struct {
	url    string
	client *http.Client
	tokens []string // the refresh token of each client
}

func start(b *testing.B) *service {
	dir := b.TempDir()
	program := filepath.Join(dir, "latchkey")
	out, err := exec.Command("go", "build", "-tags", "nomsgpack", "-o", program, "latchkey/cmd/latchkey").CombinedOutput()
	if err != nil {
		b.Fatalf("build: %s", out)
	}
	pg := throwaway.Postgres(b)
	rd, prefix := throwaway.Redis(b)
	port, err := throwaway.Port()
	must(b, err)
	cmd := exec.Command(program, "serve")
	cmd.Env = append(os.Environ(),
		fmt.Sprintf("LATCHKEY_SERVER_LISTEN=127.0.0.1:%d", port), "LATCHKEY_DATABASE_URL="+pg, "LATCHKEY_REDIS_URL="+rd, "LATCHKEY_REDIS_PREFIX="+prefix,
		"LATCHKEY_TOKENS_SECRET=a root secret for a benchmark, long enough", fmt.Sprintf("LATCHKEY_PASSWORD_BCRYPT_COST=%d", cost),
		"LATCHKEY_SERVER_TRUSTED_PROXIES=127.0.0.0/8", "LATCHKEY_REFRESH_GRACE=0s", "LATCHKEY_REFRESH_MAX_SESSIONS=1000", "LATCHKEY_LOG_LEVEL=error",
		"LATCHKEY_LIMITS_SIGNUPS_PER_HOUR=0")
	cmd.Stderr = os.Stderr
	must(b, cmd.Start())
	b.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	s := &service{url: fmt.Sprintf("http://localhost:%d", port), client: &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: 1000, DialContext: (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
	}}}
	for range 200 {
		if res, err := s.client.Get(s.url + "/readyz"); err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				break
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	if status, body := s.post("/api/users", "", `{"username":"ada","email":"ada@example.org","password":"correct horse"}`); status != 201 {
		b.Fatalf("sign-up: %d %s", status, body)
	}
	for range refreshers {
		status, body := s.post("/api/users/login", "", `{"username":"ada","password":"correct horse"}`)
		if status != 200 {
			b.Fatalf("login: %d %s", status, body)
		}
		s.tokens = append(s.tokens, refreshTokenOf(body))
	}
	return s
}

func refreshTokenOf(body []byte) string {
	var tokens struct{ RefreshToken string }
	_ = json.Unmarshal(body, &tokens)
	return tokens.RefreshToken
}

func (s *service) post(path, address, body string) (int, []byte) {
	req, err := http.NewRequest(http.MethodPost, s.url+path, strings.NewReader(body))
	if err != nil {
		return 0, nil
	}
	req.Header.Set("Content-Type", "application/json")
	if address != "" {
		req.Header.Set("X-Forwarded-For", address)
	}
	res, err := s.client.Do(req)
	if err != nil {
		return 0, []byte(err.Error())
	}
	defer func() { _ = res.Body.Close() }()
	var b bytes.Buffer
	_, _ = io.Copy(&b, res.Body)
	return res.StatusCode, b.Bytes()
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
							time.Sleep(50 * time.Millisecond) // an attacker who did not even wait that long would only flood itself
						}
					}
				})
			}
			time.Sleep(500 * time.Millisecond)
		}
		mu.Lock()
		before := hashed
		mu.Unlock()
		took := s.refreshPaced(&f)
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

func must(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}
