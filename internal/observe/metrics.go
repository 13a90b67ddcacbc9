package observe

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"latchkey/repository"
	"latchkey/service/clock"
	"latchkey/service/health"
	"latchkey/service/keys"
	"latchkey/service/login"
	"latchkey/service/mail"
	"latchkey/service/password"
	"latchkey/service/session"
)

// metrics are the Prometheus metrics of the process. No label has values from outside: routes
// are as registered, and all other values are constants.
type metrics struct {
	registry   *prometheus.Registry
	requests   *prometheus.HistogramVec
	calls      *prometheus.HistogramVec
	callErrors *prometheus.CounterVec
	events     *prometheus.CounterVec
}

func newMetrics(version string) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "latchkey_http_request_duration_seconds", Help: "Duration of HTTP requests in seconds.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}, []string{"route", "method", "status"}),
		calls: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "latchkey_store_call_duration_seconds", Help: "Duration of store calls in seconds.",
			Buckets: []float64{.00025, .0005, .001, .0025, .005, .01, .025, .1, .5, 2},
		}, []string{"store", "call"}),
		callErrors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "latchkey_store_call_errors_total", Help: "Store calls that failed because the store was unavailable.",
		}, []string{"store", "call"}),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "latchkey_events_total", Help: "Audit events: logins, ended sessions with the reason, refusals, keys.",
		}, []string{"event", "outcome"}),
	}
	m.registry.MustRegister(m.requests, m.calls, m.callErrors, m.events,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		collect(func(emit emitter) {
			emit("latchkey_build_info", "Version of the program.", prometheus.GaugeValue, 1, "version", version, "go", runtime.Version())
		}))
	return m
}

// request implements middleware.RequestObserver.
func (m *metrics) request(route, method string, status int, took time.Duration) {
	if route == "" {
		route, method = "none", "any" // a client can send any path and method
	}
	m.requests.WithLabelValues(route, method, strconv.Itoa(status)).Observe(took.Seconds())
}

// call implements repository.Observer.
func (m *metrics) call(store, call string, took time.Duration, unavailable error) {
	m.calls.WithLabelValues(store, call).Observe(took.Seconds())
	if unavailable != nil {
		m.callErrors.WithLabelValues(store, call).Inc()
	}
}

// Sources are the values that the metrics read at each scrape.
type Sources struct {
	Sessions *session.Service
	Login    *login.Service
	Mailer   *mail.Worker // or nil
	Hasher   *password.Hasher
	Keys     *keys.Ring
	Health   *health.Checker
	Clock    *clock.Clock
	Pools    map[string]func() repository.PoolStats // by store
	Dropped  func() int64                           // log lines that were discarded; nil: not measured
}

// watch reads the counts of the services at each scrape.
func (m *metrics) watch(s Sources) {
	m.registry.MustRegister(collect(func(emit emitter) {
		for outcome, n := range s.Sessions.Counts() {
			emit("latchkey_refresh_total", "Refreshes by outcome.", prometheus.CounterValue, n, "outcome", string(outcome))
		}
		for outcome, n := range s.Login.Counts() {
			emit("latchkey_login_total", "Logins by outcome.", prometheus.CounterValue, n, "outcome", string(outcome))
		}
		if s.Mailer != nil {
			watchMail(emit, s.Mailer, s.Clock.Now())
		}
		g := s.Hasher.Counts()
		emit("latchkey_hash_slots", "Maximum number of concurrent password hashes.", prometheus.GaugeValue, g.Slots)
		emit("latchkey_hash_running", "Password hashes that are running.", prometheus.GaugeValue, g.Running)
		emit("latchkey_hash_waiting", "Password hashes that are queued for a slot.", prometheus.GaugeValue, g.Waiting)
		emit("latchkey_hash_total", "Password hashes that completed.", prometheus.CounterValue, g.Done)
		emit("latchkey_hash_refused_total", "Password hashes that were refused because the queue was full or too slow.", prometheus.CounterValue, g.Refused)
		for store, pool := range s.Pools {
			p := pool()
			const name, help = "latchkey_store_connections", "Connections to a store; state max is the limit."
			emit(name, help, prometheus.GaugeValue, p.Used, "store", store, "state", "used")
			emit(name, help, prometheus.GaugeValue, p.Idle, "store", store, "state", "idle")
			emit(name, help, prometheus.GaugeValue, p.Max, "store", store, "state", "max")
			emit("latchkey_store_connection_waits_total", "Store calls that had to wait for a connection.", prometheus.CounterValue, p.Waited, "store", store)
		}
		if state := s.Health.Last(); state != nil {
			const name, help = "latchkey_store_up", "1 if the store answers and accepts writes, else 0."
			emit(name, help, prometheus.GaugeValue, up(state.DatabaseErr), "store", "database")
			emit(name, help, prometheus.GaugeValue, up(state.SessionStoreErr), "store", "sessions")
		}
		ahead, bad, why := s.Clock.State()
		emit("latchkey_clock_ahead_milliseconds", "Time by which the clock is ahead of the database clock, in milliseconds.", prometheus.GaugeValue, ahead.Milliseconds())
		trusted := up(why)
		if bad {
			trusted = -1
		}
		emit("latchkey_clock_trusted", "1 if the clock is trusted; 0 if nothing is deleted; -1 if this replica is not ready.", prometheus.GaugeValue, trusted)
		if s.Dropped != nil {
			emit("latchkey_log_lines_dropped_total", "Log lines dropped because the reader of the log was too slow.", prometheus.CounterValue, s.Dropped())
		}
		now := s.Clock.Now()
		states := map[[2]string]int64{}
		for _, k := range s.Keys.KeySet().Keys(now) {
			states[[2]string{string(k.Use), string(k.State)}]++
			if k.State == keys.Active && !k.ActiveAt.IsZero() {
				emit("latchkey_key_active_seconds", "Time since the active key became active, in seconds.", prometheus.GaugeValue, int64(now.Sub(k.ActiveAt).Seconds()), "use", string(k.Use))
			}
		}
		for labels, n := range states {
			emit("latchkey_keys", "Keys by use and state.", prometheus.GaugeValue, n, "use", labels[0], "state", labels[1])
		}
	}))
}

// watchMail emits the counts of the outbox.
func watchMail(emit emitter, m *mail.Worker, now time.Time) {
	for outcome, n := range m.Counts() {
		emit("latchkey_mail_total", "Attempts to send a mail by outcome: sent, dropped, or the class of the failure.", prometheus.CounterValue, n, "outcome", string(outcome))
	}
	waiting := m.Waiting()
	emit("latchkey_mail_queued", "Mails in the outbox that are not sent yet, of all replicas.", prometheus.GaugeValue, int64(waiting.Queued))
	emit("latchkey_mail_dead", "Mails in the outbox that could not be sent, of all replicas.", prometheus.GaugeValue, int64(waiting.Dead))
	age := int64(0)
	if !waiting.Oldest.IsZero() {
		age = int64(now.Sub(waiting.Oldest).Seconds())
	}
	emit("latchkey_mail_oldest_seconds", "Age of the oldest mail that is not sent yet, in seconds.", prometheus.GaugeValue, age)
}

func up(err error) int64 {
	if err != nil {
		return 0
	}
	return 1
}

// emitter sends one number. Labels are names and values in turn.
type emitter func(name, help string, kind prometheus.ValueType, value int64, labels ...string)

// collect is a collector that reads its values at each scrape.
type collect func(emitter)

// Describe implements prometheus.Collector. It describes nothing, because the metrics are known
// only at a scrape.
func (collect) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c collect) Collect(ch chan<- prometheus.Metric) {
	c(func(name, help string, kind prometheus.ValueType, value int64, labels ...string) {
		var names, values []string
		for i := 0; i < len(labels); i += 2 {
			names, values = append(names, labels[i]), append(values, labels[i+1])
		}
		ch <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, names, nil), kind, float64(value), values...)
	})
}

// reasons shows operators why the service is not ready. With the parameter stores=1 the service
// is also not ready while a store is unavailable.
func reasons(w http.ResponseWriter, r *http.Request, s health.Report) {
	ready := s.Ready() && (r.URL.Query().Get("stores") != "1" || s.StoresReady())
	text := func(err error) string {
		if err != nil {
			return err.Error()
		}
		return "OK"
	}
	w.Header().Set("Content-Type", "application/json")
	if !ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{ // fails only if the client has disconnected
		"ready": ready, "mode": s.Mode, "draining": s.Draining, "database": text(s.DatabaseErr), "sessionStore": text(s.SessionStoreErr),
		"clock": text(s.ClockErr), "clockAheadSeconds": s.Ahead.Seconds(),
	})
}

// serve serves the metrics at an address until ctx is done.
func (m *metrics) serve(ctx context.Context, address string, health *health.Checker, log *slog.Logger) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn)}))
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) { reasons(w, r, health.Check(r.Context())) })
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	go func() { _ = server.Serve(listener) }()
	return nil
}
