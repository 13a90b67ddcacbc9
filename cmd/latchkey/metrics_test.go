package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestMetrics_CountWhatHappened(t *testing.T) {
	port, private := freePort(t), freePort(t)
	file := settingsFile(t, fmt.Sprintf("server.listen: '127.0.0.1:%d'", port), "data.dir: '"+t.TempDir()+"'", "log.level: error",
		fmt.Sprintf("metrics.listen: '127.0.0.1:%d'", private))
	r := serveIn(t, port, "--config", file)
	metricsURL := fmt.Sprintf("http://127.0.0.1:%d", private)
	var got tokens
	post(t, r.url+"/api/users", ada, nil)
	post(t, r.url+"/api/users/login", loginBody, &got)
	post(t, r.url+"/api/users/login", strings.Replace(loginBody, "horse", "house", 1), nil)
	post(t, r.url+"/api/users/login", `{"username":"nobody","password":"wrong horse"}`, nil)
	post(t, r.url+"/api/users/refresh", fmt.Sprintf(`{"refreshToken":%q}`, got.RefreshToken), &got)
	post(t, r.url+"/api/users/logout", fmt.Sprintf(`{"refreshToken":%q}`, got.RefreshToken), nil)
	for i := range 50 {
		_, _ = fetch(t, fmt.Sprintf("%s/nothing/%d", r.url, i))
	}
	_, text := fetch(t, metricsURL+"/metrics")
	for _, want := range []string{
		`latchkey_login_total{outcome="success"} 1`, `latchkey_login_total{outcome="wrong_password"} 1`, `latchkey_login_total{outcome="unknown_user"} 1`,
		`latchkey_refresh_total{outcome="rotated"} 1`, `latchkey_events_total{event="session_ended",outcome="logout"} 1`,
		`latchkey_events_total{event="login",outcome="ok"} 1`, `latchkey_http_request_duration_seconds_count{method="any",route="none",status="404"} 50`,
		`latchkey_http_request_duration_seconds_count{method="POST",route="/api/users/login",status="401"} 2`,
		`latchkey_hash_total 4`, `latchkey_keys{state="active",use="access"} 1`, `latchkey_store_connections{state="max",store="sqlite"} 5`,
		`latchkey_store_call_duration_seconds_count{call="transaction",store="sqlite"}`, `latchkey_build_info{`, `process_resident_memory_bytes`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %s", want)
		}
	}
	for _, secret := range []string{"example.org", "horse", "eyJ", "nothing/"} {
		if strings.Contains(text, secret) {
			t.Errorf("the metrics contain %q", secret)
		}
	}
	if status, _ := fetch(t, r.url+"/metrics"); status != http.StatusNotFound {
		t.Errorf("metrics for everybody: %d", status)
	}
	if status, text := fetch(t, metricsURL+"/readyz"); status != http.StatusOK || !strings.Contains(text, `"clock":"OK"`) {
		t.Errorf("ready: %d %s", status, text)
	}
	exist(t, text)
}

// exist requires that every metric in the dashboard and the alert rules exists.
func exist(t *testing.T, text string) {
	t.Helper()
	checked := 0
	for _, name := range []string{"alerts.yml", "grafana.json"} {
		b, err := os.ReadFile(filepath.Join("..", "..", "deploy", name))
		must(t, err)
		if strings.HasSuffix(name, ".json") && !json.Valid(b) {
			t.Errorf("%s is no JSON", name)
		}
		for _, metric := range regexp.MustCompile(`\b(?:latchkey|process)_\w+`).FindAllString(string(b), -1) {
			family := regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(metric, "")
			// The counter of failures appears with the first failure.
			if !strings.Contains(text, "# TYPE "+family+" ") && family != "latchkey_store_call_errors_total" {
				t.Errorf("%s names %s, which is not there", name, metric)
			}
			checked++
		}
	}
	if checked < 20 {
		t.Errorf("%d metrics were checked", checked)
	}
}
