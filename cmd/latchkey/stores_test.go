package main

import (
	"fmt"
	"strings"
	"testing"

	"latchkey/internal/testserver"
)

// TestServe_LogsOnceThatAStoreIsDown runs the program without Redis: it starts and is ready. It
// reports the failure in the log and to requests from this machine, but not through a proxy.
func TestServe_LogsOnceThatAStoreIsDown(t *testing.T) {
	port, dead := freePort(t), freePort(t)
	file := settingsFile(t, fmt.Sprintf("server.listen: '127.0.0.1:%d'", port), fmt.Sprintf("database.url: '%s'", testserver.Postgres(t)),
		fmt.Sprintf("redis.url: 'redis://127.0.0.1:%d'", dead), fmt.Sprintf("tokens.secret: '%s'", testSecret))
	r := serveIn(t, port, "--config", file)
	r.stderr.Await(t, "store unavailable")
	for range 3 {
		if status, body := fetch(t, r.url+"/readyz"); status != 200 || !strings.Contains(body, `"redis":"unavailable"`) || !strings.Contains(body, "refused") {
			t.Errorf("/readyz: %d %s", status, body)
		}
		if status, body := fetch(t, r.url+"/readyz?stores=1"); status != 503 {
			t.Errorf("/readyz?stores=1: %d %s", status, body)
		}
	}
	// Each check asks the stores again, so a longer test would find nothing more.
	r.stop(t)
	log := r.stderr.String()
	if n := strings.Count(log, `"msg":"store unavailable","store":"session store"`); n != 1 {
		t.Errorf("the log says %d times that the store is unavailable:\n%s", n, log)
	}
	if !strings.Contains(log, `"route":"/readyz","status":503,"outcome":"store_unavailable"`) || strings.Contains(log, `"status":503,"outcome":"ok"`) {
		t.Errorf("the line of a check that fails has no reason:\n%s", log)
	}
}
