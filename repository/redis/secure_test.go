package redis_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	driver "github.com/redis/go-redis/v9"

	"latchkey/internal/await"
	"latchkey/internal/testserver"
	"latchkey/repository"
	"latchkey/repository/redis"
)

// TestSentinel_TLSWithPasswordsOfItsOwn runs the store on servers and sentinels that require
// TLS and a client certificate, and have different users and passwords. Each is verified by
// its own address, before and after a failover.
func TestSentinel_TLSWithPasswordsOfItsOwn(t *testing.T) {
	t.Parallel()
	s := testserver.StartSecureSentinel(t)
	cert, key := s.CA.Issue(t, "client.example")
	hosts := s.Hosts[0] + "/0?master_name=latchkey&addr=" + strings.Join(s.Hosts[1:], "&addr=")
	url := fmt.Sprintf("rediss://%s:%s@%s", testserver.DataUser, testserver.DataPassword, hosts)
	good := redis.Options{
		Mode: redis.Sentinel, SentinelUsername: testserver.SentinelUser, SentinelPassword: testserver.SentinelPassword,
		CAFile: s.CA.File, CertFile: cert, KeyFile: key,
	}
	for name, c := range map[string]struct {
		url    string
		change func(*redis.Options)
		advice string
	}{
		"no password for the sentinels": {url, func(o *redis.Options) { o.SentinelUsername, o.SentinelPassword = "", "" }, "redis.sentinel_password"},
		"a wrong one":                   {url, func(o *redis.Options) { o.SentinelPassword = "wrong" }, "redis.sentinel_password"},
		"a wrong one for the data":      {strings.Replace(url, testserver.DataPassword, "wrong", 1), func(*redis.Options) {}, "redis.url"},
		"no authority":                  {url, func(o *redis.Options) { o.CAFile = "" }, "redis.ca_file"},
		"no certificate":                {url, func(o *redis.Options) { o.CertFile, o.KeyFile = "", "" }, "redis.cert_file"},
		"another name":                  {url, func(o *redis.Options) { o.ServerName = "other.example" }, "redis.server_name"},
	} {
		o := good
		c.change(&o)
		db, err := redis.Open(c.url, o)
		must(t, err)
		err = db.Ping(t.Context())
		var advice *repository.Advice
		if !errors.Is(err, repository.ErrUnavailable) || !errors.As(err, &advice) || !strings.Contains(advice.Fix, c.advice) {
			t.Errorf("%s: %v, want the advice to look at %s", name, err, c.advice)
		}
		_ = db.Close()
	}
	for _, form := range []string{url, fmt.Sprintf("rediss://%s:%s@%s&username=%s&password=%s", testserver.SentinelUser, testserver.SentinelPassword, hosts, testserver.DataUser, testserver.DataPassword)} {
		o := good
		if form != url { // the form of the driver
			o.SentinelUsername, o.SentinelPassword = "", ""
		}
		db, err := redis.Open(form, o)
		must(t, err)
		if err := db.Ping(t.Context()); err != nil {
			t.Errorf("%v", err)
		}
		_ = db.Close()
	}

	db, err := redis.Open(url, good)
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	liveOnce(t, db)
	s.Primary.Kill()
	await.Eventually(t, time.Minute, "the replica is the primary", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		return db.Ping(ctx) == nil
	})
	liveOnce(t, db)
}

// TestCluster_TLS verifies each node by its own address.
func TestCluster_TLS(t *testing.T) {
	t.Parallel()
	s := testserver.StartSecureCluster(t)
	cert, key := s.CA.Issue(t, "client.example")
	url := fmt.Sprintf("rediss://%s:%s@%s?addr=%s", testserver.DataUser, testserver.DataPassword, s.Hosts[0], strings.Join(s.Hosts[1:], "&addr="))
	db, err := redis.Open(url, redis.Options{Mode: redis.Cluster, CAFile: s.CA.File, CertFile: cert, KeyFile: key})
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	must(t, db.Ping(t.Context()))
	if w := db.Warnings(t.Context()); len(w) != 3 { // appendonly is off on each node
		t.Errorf("warnings: %q", w)
	}
	liveOnce(t, db)
}

// TestACL_TheDocumentedRightsSuffice runs every transition as a Redis user who has only the
// documented rights, on keys with the prefix.
func TestACL_TheDocumentedRightsSuffice(t *testing.T) {
	t.Parallel()
	server := testserver.StartRedis(t, "--appendonly", "yes", "--maxmemory-policy", "noeviction")
	admin := driver.NewClient(&driver.Options{Addr: fmt.Sprintf("127.0.0.1:%d", server.Port)})
	t.Cleanup(func() { _ = admin.Close() })
	user := func(name, rights string) *redis.DB {
		args := []any{"ACL", "SETUSER", name, "on", ">sesame"}
		for _, right := range strings.Fields(rights) {
			args = append(args, right)
		}
		must(t, admin.Do(t.Context(), args...).Err())
		db, err := redis.Open(fmt.Sprintf("redis://%s:sesame@127.0.0.1:%d/0", name, server.Port), redis.Options{})
		must(t, err)
		t.Cleanup(func() { _ = db.Close() })
		return db
	}
	db := user("app", testserver.RedisRights)
	must(t, db.Ping(t.Context()))
	if w := db.Warnings(t.Context()); len(w) != 0 {
		t.Errorf("warnings: %q", w)
	}
	liveOnce(t, db)
	if log, err := admin.Do(t.Context(), "ACL", "LOG").Slice(); err != nil || len(log) != 0 {
		t.Errorf("the server refused: %v %v", log, err)
	}

	// Without ROLE and INFO the store is ready, and warns about what it cannot check.
	blind := user("blind", testserver.RedisRights+" -role -info")
	must(t, blind.Ping(t.Context()))
	if w := strings.Join(blind.Warnings(t.Context()), "; "); !strings.Contains(w, "ROLE") || !strings.Contains(w, "INFO") {
		t.Errorf("warnings: %q", w)
	}
	liveOnce(t, blind)
	// A replica is not ready.
	other := testserver.StartRedis(t)
	must(t, admin.Do(t.Context(), "REPLICAOF", "127.0.0.1", fmt.Sprint(other.Port)).Err())
	if err := blind.Ping(t.Context()); !errors.Is(err, repository.ErrUnavailable) {
		t.Errorf("a replica is ready: %v", err)
	}
	must(t, admin.Do(t.Context(), "REPLICAOF", "NO", "ONE").Err())

	lame := user("lame", testserver.RedisRights+" -hmget")
	if w := strings.Join(lame.Warnings(t.Context()), "; "); !strings.Contains(w, "HMGET") {
		t.Errorf("warnings: %q", w)
	}
	foreign := user("foreign", strings.Replace(testserver.RedisRights, "~latchkey:*", "~other:*", 1))
	_, err := foreign.RefreshSession(t.Context(), repository.RefreshRequest{RefreshToken: repository.RefreshToken{UserID: "u", SessionID: "s"}})
	var advice *repository.Advice
	if !errors.As(err, &advice) || !strings.Contains(advice.Fix, "ACL SETUSER") {
		t.Errorf("keys that are denied: %v", err)
	}
}

// liveOnce runs every script and every command on one session.
func liveOnce(t *testing.T, db *redis.DB) {
	t.Helper()
	ctx, now := t.Context(), time.Now().Truncate(time.Millisecond)
	user := fmt.Sprint("user-", now.UnixNano())
	session := func(id string) repository.Session {
		return repository.Session{
			ID: id, UserID: user, JTI: repository.TokenID(id + "-0"), ClientID: "c", Delivery: repository.DeliveryBody,
			CreatedAt: now, UsedAt: now, RotatedAt: now, AuthTime: now, IdleAt: now.Add(time.Hour), AbsoluteAt: now.Add(time.Hour),
		}
	}
	for _, id := range []string{"a", "b", "c", "d"} {
		_, err := db.CreateSession(ctx, session(id), repository.Limit{Sessions: 10})
		must(t, err)
	}
	out, err := db.RefreshSession(ctx, repository.RefreshRequest{
		RefreshToken: repository.RefreshToken{UserID: user, SessionID: "a", JTI: "a-0", IssuedAt: now},
		Next:         "a-1", ClientID: "c", Delivery: repository.DeliveryBody, OperationID: "op",
		Now: now.Add(time.Minute), Rotate: true, Sliding: true, IdleTTL: time.Hour,
		Grace: time.Second, Debounce: 2 * time.Second,
	})
	if err != nil || out.Outcome != repository.OutcomeRotated {
		t.Errorf("a refresh: %v %v", out.Outcome, err)
	}
	out, err = db.RefreshSession(ctx, repository.RefreshRequest{
		RefreshToken: repository.RefreshToken{UserID: user, SessionID: "a", JTI: "a-0", IssuedAt: now},
		Next:         "a-1", ClientID: "c", Delivery: repository.DeliveryBody, OperationID: "op2",
		Now: now.Add(time.Hour / 2), Rotate: true, Sliding: true, IdleTTL: time.Hour,
		Grace: time.Second, Debounce: 2 * time.Second,
	})
	if err != nil || out.Outcome != repository.OutcomeReuse {
		t.Errorf("a token of before: %v %v", out.Outcome, err)
	}
	if _, err := db.EndSession(ctx, repository.Ending{UserID: user, SessionID: "b", Reason: repository.EndByUser, Now: now, OperationID: "op"}); err != nil {
		t.Errorf("the end: %v", err)
	}
	must(t, db.EndOtherSessions(ctx, repository.Ending{UserID: user, SessionID: "c", Reason: repository.EndByUser, Now: now, OperationID: "op", Epoch: 1}))
	list, err := db.ListSessions(ctx, user)
	if err != nil || len(list) != 1 || list[0].ID != "c" {
		t.Errorf("the list: %v %v", list, err)
	}
	rule := repository.LimitRule{Free: 1, Base: time.Second, Max: time.Second, Forget: time.Minute}
	attempt := repository.Attempt{Keys: []repository.LimitKey{{Name: user, Rule: rule}}, Now: now}
	_, err = db.BeginAttempt(ctx, attempt)
	must(t, err)
	must(t, db.EndAttempt(ctx, attempt, repository.AttemptFailed, now))
}
