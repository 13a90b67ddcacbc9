// Mutants plants known bugs of the refresh protocol, one at a time, in a copy of
// the tree, and demands that the tests fail for each: a suite that passes is
// only worth something if it can fail. Run it from the root of the tree:
//
//	go run .ci/mutants/main.go
package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

const (
	rules = "repository/transition.go"
	lua   = "repository/redis/scripts/present_session.lua"
)

// edit replaces old, which must be there, by new.
type edit struct{ file, old, new string }

type mutant struct {
	name  string
	edits []edit
}

// Each bug is planted in the rules and in Lua alike, so that their comparison
// alone does not find it.
var mutants = []mutant{
	{"a grace window that slides with each replay", []edit{
		{rules, "s.Graced++", "s.Graced++\n\t\ts.RotatedAt = later(s.RotatedAt, p.Now)"},
		{lua, "s.grc = s.grc + 1", "s.grc = s.grc + 1 s.rot = math.max(s.rot, p.now)"},
	}},
	{"grace for any older generation", []edit{
		{rules, `s.PrevJTI != "" && p.Gen == s.PrevGen && p.JTI == s.PrevJTI`, `p.Gen < s.Gen`},
		{lua, "s.prev ~= '' and p.gen == s.pgen and p.jti == s.prev", "p.gen < s.gen"},
	}},
	{"no client check", []edit{
		{rules, "case s.ClientID != p.ClientID:", "case false:"},
		{lua, "elseif s.cid ~= p.cid then", "elseif false then"},
	}},
	{"DEL instead of a tombstone", []edit{
		{"repository/redis/scripts/end_session.lua", "redis.call('HSET', KEYS[1], 'rev', ARGV[1], 'rev_at', ARGV[2], 'rev_op', ARGV[3])", "redis.call('DEL', KEYS[1])"},
	}},
	{"read, then write, instead of a script", []edit{
		{"repository/redis/session.go", "	args := []any{\n\t\tp.Gen,", `	if before, err := db.FindSession(ctx, p.UserID, p.SessionID); err == nil {
		after, o := before.Present(p)
		db.client.HSet(ctx, db.keys.session(p.UserID, p.SessionID), append(fields(after), "jti", string(after.JTI))...)
		return after.Presented(o), nil
	}
	args := []any{
		p.Gen,`},
	}},
	{"ordering by seconds", []edit{
		{rules, "max(0, p.Now.Sub(s.RotatedAt))", "max(0, time.Duration(p.Now.Unix()-s.RotatedAt.Unix())*time.Second)"},
		{lua, "math.max(0, p.now - s.rot)", "math.max(0, (math.floor(p.now / 1000) - math.floor(s.rot / 1000)) * 1000)"},
	}},
	{"no check of the tombstone", []edit{
		{rules, `case s.Ended != "", s.Epoch != p.Epoch && !p.Kept:`, "case s.Epoch != p.Epoch && !p.Kept:"},
		{lua, "elseif f[19] ~= '' then -- a tombstone", "elseif f[19] ~= '' and not f[1] then -- a tombstone"},
		{"repository/redis/scripts/end_session.lua", "  redis.call('HDEL', KEYS[1], unpack(ARGV, 6))\n", ""},
	}},
	{"no check of the epoch", []edit{
		{rules, `case s.Ended != "", s.Epoch != p.Epoch && !p.Kept:`, `case s.Ended != "":`},
		{lua, "if s.epoch ~= p.epoch and not p.kept then", "if false then"},
	}},
	{"roll-forward without the chain check", []edit{
		{rules, `case p.Proof.Before == "":`, "case false:"},
		{lua, "elseif proof.before == '' then", "elseif false then"},
	}},
	{"roll-forward without its bound", []edit{
		{rules, "case p.Gen > s.Gen+MaxAhead:", "case false:"},
		{lua, "elseif p.gen > s.gen + max_ahead then", "elseif false then"},
	}},
	{"idle past absolute", []edit{
		{rules, "earlier(p.Now.Add(p.IdleTTL), s.AbsoluteAt)", "p.Now.Add(p.IdleTTL)"},
		{lua, "math.min(p.now + p.idle_ttl, s.abs)", "p.now + p.idle_ttl"},
	}},
	{"a cookie set again when kept", []edit{
		{"controller/cookie.go", "if g.RefreshChanged {", "if true {"},
	}},
	{"a recovery budget that a rotation resets", []edit{
		{rules, "s.PrevGen, s.PrevJTI = s.Gen, s.JTI\n", "s.PrevGen, s.PrevJTI = s.Gen, s.JTI\n\ts.Recoveries = 0\n"},
		{lua, "s.pgen, s.prev = s.gen, s.jti\n", "s.pgen, s.prev = s.gen, s.jti\n  s.rec = 0\n"},
	}},
	{"no op check", []edit{
		{rules, "case s.Op != p.Op:", "case true:"},
		{lua, "if s.op ~= op then", "if true then"},
	}},
	{"a cookie chosen by freshness", []edit{
		{"service/sessioncookie.go", "if host && len(named) > 0 {", "if false {"},
		{"service/sessioncookie.go", "if host && via == DeliveryCookie && slices", "if false && slices"},
	}},
	{"a body session's token is accepted from a cookie", []edit{
		{"repository/session.go", "return d == in || d == DeliveryCookie && in == DeliveryHostCookie", "return d == DeliveryBody || d == in || d == DeliveryCookie && in == DeliveryHostCookie"},
		{lua, "elseif not (s.via == p.via or", "elseif not (s.via == 'body' or s.via == p.via or"},
	}},
	{"reuse by a late call", []edit{
		{rules, "if p.Now.Before(s.RotatedAt) || p.Woken || s.isPrevious(p) && s.skewed(p) {", "if false {"},
		{lua, "if p.now < s.rot or woken or (is_previous() and skewed()) then", "if false then"},
	}},
	{"recovery by a late call", []edit{
		{rules, "if p.Woken || s.Graced > 0 && s.skewed(p) {", "if false {"},
		{lua, "if woken or (s.grc > 0 and skewed()) then", "if false then"},
	}},
	{"a rot from the future that keeps every token alive", []edit{
		{rules, "return s.RotatedAt.Sub(p.Now) > MaxRotatedAhead", "return false"},
		{lua, "return s.rot - p.now > max_rotated_ahead", "return false"},
	}},
	{"a purge by the local clock", []edit{
		{"service/purge.go", "now, err := s.clock.Deletable(ctx)", "now, err := s.now(), error(nil)"},
	}},
	{"a batch that serves callers whose time is over", []edit{
		{"repository/batch/batch.go", "if e.err = e.over(now, b.limit); e.err == nil {", "if e.err = nil; e.err == nil {"},
	}},
	{"a lasting act by an ended session", []edit{
		{"repository/postgres/caller.go", "AND NOT EXISTS (SELECT 1 FROM revoked_sessions r WHERE r.session_id = $14)", ""},
		{"repository/sqlite/caller.go", "AND NOT EXISTS (SELECT 1 FROM revoked_sessions WHERE session_id = ?2)", ""},
	}},
	{"a lasting act by a session of an earlier epoch", []edit{
		{"repository/postgres/caller.go", "(c.session_epoch = $15::bigint OR c.kept_session = $14)", "$15::bigint >= 0"},
		{"repository/sqlite/caller.go", "(session_epoch = ?3 OR kept_session = ?2)", "?3 >= 0"},
	}},
	{"an ended session reads", []edit{
		{"service/state.go", "case !caller.Live(u, ended):", "case false:"},
	}},
	{"ending a session that is not there makes one", []edit{
		{"repository/redis/scripts/end_session.lua", "if rev == '' then", "if not rev or rev == '' then"},
	}},
}

var failed = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)

func main() {
	survived := 0
	for _, m := range mutants {
		caught, err := try(m)
		switch {
		case err != nil:
			fmt.Fprintln(os.Stderr, m.name+":", err)
			os.Exit(1)
		case caught == "":
			survived++
			fmt.Printf("SURVIVED  %s\n", m.name)
		default:
			fmt.Printf("| %s | `%s` |\n", m.name, caught)
		}
	}
	fmt.Printf("%d mutants, %d survived\n", len(mutants), survived)
	if survived > 0 {
		os.Exit(1)
	}
}

// try plants one bug and returns the deepest test that failed first.
func try(m mutant) (caught string, err error) {
	dir, err := os.MkdirTemp("", "latchkey-mutant-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if out, err := exec.Command("git", "clone", "-q", ".", dir).CombinedOutput(); err != nil {
		return "", fmt.Errorf("%s", out)
	}
	for _, e := range m.edits {
		path := filepath.Join(dir, e.file)
		text, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		if !bytes.Contains(text, []byte(e.old)) {
			return "", fmt.Errorf("%s has no %q any more", e.file, e.old)
		}
		if err := os.WriteFile(path, bytes.ReplaceAll(text, []byte(e.old), []byte(e.new)), 0o600); err != nil {
			return "", err
		}
	}
	cmd := exec.Command("go", "test", "-tags", "nomsgpack", "-run", "Conformance|Scripts|OneOfMany|EndedSession|Delayed|Deleted|Batch|GivenUp",
		"./repository", "./repository/batch", "./repository/repotest", "./service", "./controller")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err == nil {
		return "", nil
	}
	for _, match := range failed.FindAllStringSubmatch(string(out), -1) {
		if name := match[1]; strings.Count(name, "/") > strings.Count(caught, "/") {
			caught = name
		}
	}
	if caught == "" {
		return "", fmt.Errorf("it does not build:\n%s", out)
	}
	return caught, nil
}
