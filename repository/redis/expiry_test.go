package redis_test

import (
	"testing"
	"time"

	"latchkey/repository"
)

// TestMemory_EveryKeyExpires requires that each key has a TTL, one hour longer than its content is
// needed. For that reason PurgeSessions and PurgeLimits do nothing.
func TestMemory_EveryKeyExpires(t *testing.T) {
	db, client, prefix := open(t)

	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s := repository.Session{ID: newID(), UserID: newID(), JTI: "QYkNFL0HSgdTQgXaUHRIIA", IdleAt: now.Add(time.Hour), AbsoluteAt: now.Add(24 * time.Hour), CreatedAt: now}
	_, err := db.CreateSession(t.Context(), s, repository.Limit{Sessions: 50})
	must(t, err)
	rule := repository.LimitRule{Free: 1, Base: time.Second, Max: time.Minute, Forget: 2 * time.Hour}
	a := repository.Attempt{Keys: []repository.LimitKey{{Name: "k", Rule: rule}}, Fingerprint: "x", Now: now}
	_, err = db.BeginAttempt(t.Context(), a)
	must(t, err)
	must(t, db.EndAttempt(t.Context(), a, repository.AttemptFailed, now))

	want := map[string]time.Duration{
		prefix + "rt:{" + s.UserID + "}:" + s.ID: 25 * time.Hour,
		prefix + "rt:{" + s.UserID + "}":         25 * time.Hour,
		prefix + "limit:{limit}:k":               3 * time.Hour,
	}
	keys, err := client.Keys(t.Context(), prefix+"*").Result()
	must(t, err)
	if len(keys) != len(want) {
		t.Errorf("the keys are %q", keys)
	}
	for _, key := range keys {
		ttl, err := client.PTTL(t.Context(), key).Result()
		must(t, err)
		if ttl > want[key] || ttl < want[key]-time.Minute {
			t.Errorf("%s lives for %s, want %s", key, ttl, want[key])
		}
	}
}
