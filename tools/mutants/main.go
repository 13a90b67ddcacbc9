// Mutants plants known bugs of the refresh protocol, one at a time, in a copy of
// the last commit, and checks that the tests fail for each. A test suite is
// useful only if it can fail. Run it from the root of the tree:
//
//	go run ./tools/mutants             every bug
//	go run ./tools/mutants tombstone   those whose name matches
package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"latchkey/tools/mutants/testout"
)

const (
	rules = "repository/refresh.go"
	lua   = "repository/redis/scripts/refresh_session.lua"
)

// edit replaces old, which must be there, by new.
type edit struct{ file, old, new string }

type mutant struct {
	name  string
	edits []edit
}

// Each bug of the protocol is planted in the rules and in Lua alike, or in SQLite and in
// Lua, so that their comparison alone does not find it.
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
		{"repository/redis/scripts/end_session.lua", "redis.call('HSET', KEYS[1], 'abs', f[2], 'rev', ARGV[1], 'rev_at', ARGV[2], 'rev_op', ARGV[3])", "redis.call('DEL', KEYS[1])"},
		{"repository/sqlite/session.go", "return updateSession(ctx, tx, s.Tombstone(e.Reason, e.Now, e.OperationID))", `_, err = tx.ExecContext(ctx, "DELETE FROM sessions WHERE user_id = ? AND id = ?", s.UserID, s.ID)
		return err`},
	}},
	{"read, then write, instead of a script", []edit{
		{"repository/redis/session.go", "	args := []any{\n\t\tp.Gen,", `	if before, err := db.FindSession(ctx, p.UserID, p.SessionID); err == nil {
		after, o := before.Refresh(p)
		db.client.HSet(ctx, db.keys.session(p.UserID, p.SessionID), append(fields(after), "jti", string(after.JTI))...)
		return after.Result(o), nil
	}
	args := []any{
		p.Gen,`},
	}},
	{"ordering by seconds", []edit{
		{rules, "max(0, p.Now.Sub(s.RotatedAt))", "max(0, time.Duration(p.Now.Unix()-s.RotatedAt.Unix())*time.Second)"},
		{lua, "math.max(0, p.now - s.rot)", "math.max(0, (math.floor(p.now / 1000) - math.floor(s.rot / 1000)) * 1000)"},
	}},
	{"no check of the tombstone", []edit{
		{rules, `case s.Ended != "", s.Epoch != p.Epoch && !p.ExceptSession:`, "case s.Epoch != p.Epoch && !p.ExceptSession:"},
		{lua, "elseif f[19] ~= '' then -- a tombstone", "elseif f[19] == 'reuse' and f[20] == op then -- a tombstone"},
		// A tombstone keeps the fields, else no token could match it.
		{"repository/session.go", "return Session{ID: s.ID, UserID: s.UserID, AbsoluteAt: s.AbsoluteAt, Ended: reason, EndedAt: at, EndOperationID: op}", "s.Ended, s.EndedAt, s.EndOperationID = reason, at, op\n\treturn s"},
		{"repository/sqlite/session.go", `, generation = 0, token_id = '', previous_generation = 0,
	previous_token_id = '', rotated_at = 0, operation_id = '', token_used = 0, idle_expires_at = 0, session_epoch = 0, client_id = '', delivery = '',
	scope = '', amr = '', auth_time = 0, grace_count = 0, recovery_count = 0, recovery_window_started_at = 0, created_at = 0, used_at = 0,
	ip_address = '', user_agent = ''`, ""},
		{"repository/sqlite/session.go", "\t\treturn err\n\t}\n\t_, err := tx", "\t\tif err != nil {\n\t\t\treturn err\n\t\t}\n\t}\n\t_, err := tx"},
		{"repository/redis/session.go", `if h["rev"] != "" {`, `if h["rev"] != "" && h["jti"] == "" {`},
		{"repository/redis/session.go", `Agent: h["ua"],
	}
`, `Agent: h["ua"],
		Ended: repository.EndReason(h["rev"]), EndedAt: r.time(h["rev_at"]), EndOperationID: h["rev_op"],
	}
`},
		{lua, "  redis.call('DEL', KEYS[1])\n", ""},
		{"repository/redis/scripts/end_session.lua", "  redis.call('DEL', KEYS[1])\n", ""},
		{"repository/redis/scripts/end_other_sessions.lua", "      redis.call('DEL', name)\n", ""},
	}},
	{"no check of the epoch", []edit{
		{rules, `case s.Ended != "", s.Epoch != p.Epoch && !p.ExceptSession:`, `case s.Ended != "":`},
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
		{"controller/cookie.go", "if g.RefreshChanged || len(r.CookiesNamed(s.cookies.Refresh)) == 0 {", "if true {"},
	}},
	{"a recovery budget that a rotation resets", []edit{
		{rules, "s.PrevGen, s.PrevJTI = s.Gen, s.JTI\n", "s.PrevGen, s.PrevJTI = s.Gen, s.JTI\n\ts.Recoveries = 0\n"},
		{lua, "s.pgen, s.prev = s.gen, s.jti\n", "s.pgen, s.prev = s.gen, s.jti\n  s.rec = 0\n"},
	}},
	{"no op check", []edit{
		{rules, "case s.OperationID != p.OperationID:", "case true:"},
		{lua, "if s.op ~= op then", "if true then"},
	}},
	{"a cookie chosen by freshness", []edit{
		{"service/session/names.go", "if host && len(named) > 0 {", "if false {"},
		{"service/session/names.go", "if host && via == DeliveryCookie && slices", "if false && slices"},
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
		{"service/retention/retention.go", "now, err := r.clock.Deletable(ctx)", "now, err := r.clock.Now(), error(nil)"},
	}},
	{"a batch that serves callers whose time is over", []edit{
		{"repository/batch/batch.go", "if e.err = e.over(now, b.limit); e.err == nil {", "if e.err, _ = nil, now; e.err == nil {"},
	}},
	{"a lasting act by an ended session", []edit{
		{"repository/postgres/caller.go", "AND NOT EXISTS (SELECT 1 FROM revoked_sessions r WHERE r.session_id = $14)", ""},
		{"repository/sqlite/caller.go", "AND NOT EXISTS (SELECT 1 FROM revoked_sessions WHERE session_id = ?2)", ""},
	}},
	{"a lasting act by a session of an earlier epoch", []edit{
		{"repository/postgres/caller.go", "(c.session_epoch = $15::bigint OR c.except_session_id = $14)", "$15::bigint >= 0"},
		{"repository/sqlite/caller.go", "(session_epoch = ?3 OR except_session_id = ?2)", "?3 >= 0"},
	}},
	{"an ended session reads", []edit{
		{"service/session/state.go", "case ended != \"\":", "case false:"},
	}},
	{"ending a session that is not there makes one", []edit{
		{"repository/redis/scripts/end_session.lua", "if rev == '' then", "if not rev or rev == '' then"},
		{"repository/sqlite/session.go", `s, err := findSession(ctx, tx, e.UserID, e.SessionID)
		if errors.Is(err, repository.ErrNotFound) {
			return nil`, `s, err := findSession(ctx, tx, e.UserID, e.SessionID)
		if errors.Is(err, repository.ErrNotFound) {
			_, err = tx.ExecContext(ctx, "INSERT INTO sessions ("+sessionColumns+
				") VALUES (?, ?, 0, '', 0, '', 0, '', 0, 0, 0, 0, '', '', '', '', 0, 0, 0, 0, ?, ?, ?, 0, 0, '', '')",
				e.UserID, e.SessionID, string(e.Reason), micros(e.Now), e.OperationID)
			return err`},
	}},
	{"mail: a link outlives the password that it resets", []edit{
		{"repository/postgres/link.go", "AND (purpose NOT IN ('reset', 'change') OR u.credential_version = links.credential_version)", ""},
		{"repository/sqlite/link.go", "AND (purpose NOT IN ('reset', 'change') OR u.credential_version = links.credential_version)", ""},
	}},
	{"mail: an address that can be restored is free", []edit{
		{"repository/postgres/link.go", "if err == nil && taken {", "if false {"},
		{"repository/sqlite/link.go", "if err == nil && taken {", "if false {"},
	}},
	{"mail: the newest undo wins", []edit{
		{"repository/postgres/link.go", "(purpose <> $2 OR created_at >= $3)", "(purpose <> $2 OR $3::timestamptz IS NOT NULL)"},
		{"repository/sqlite/link.go", "(purpose <> ? OR created_at >= ?)", "(purpose <> ? OR ? > 0)"},
	}},
	{"mail: a link is used by reading it first", []edit{
		{"repository/postgres/link.go", "FOR NO KEY UPDATE OF u`, string(hash)))", "`, string(hash)))"},
		{"repository/postgres/link.go", "DELETE FROM links WHERE token_hash = $1 AND purpose = $2 AND expires_at > $3", "UPDATE links SET mailed = mailed WHERE token_hash = $1 AND purpose = $2 AND expires_at > $3"},
		{"repository/sqlite/link.go", "DELETE FROM links WHERE token_hash = ? AND purpose = ? AND expires_at > ?", "UPDATE links SET mailed = mailed WHERE token_hash = ? AND purpose = ? AND expires_at > ?"},
		{"repository/postgres/link.go", "`DELETE FROM links WHERE user_id = $1 AND purpose = $2`, l.UserID", "`DELETE FROM links WHERE user_id = $1 AND purpose = $2 AND false`, l.UserID"},
		{"repository/sqlite/link.go", "`DELETE FROM links WHERE user_id = ? AND purpose = ?`, l.UserID", "`DELETE FROM links WHERE user_id = ? AND purpose = ? AND false`, l.UserID"},
	}},
	{"mail: a claim is no lease", []edit{
		{"repository/postgres/outbox.go", "SET due_at = $2, attempts", "SET due_at = least(due_at, $2), attempts"},
		{"repository/sqlite/outbox.go", "SET due_at = ?, attempts", "SET due_at = min(due_at, ?), attempts"},
	}},
	{"mail: the budget of a recipient is not counted in one step", []edit{
		{"repository/postgres/outbox.go", "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", "SELECT hashtextextended($1, 0)"},
		{"repository/sqlite/outbox.go", "if a.Max > 0 && count >= a.Max {", "if a.Max > 0 && count > a.Max {"},
	}},
	{"mail: a reset goes to the address that was typed", []edit{
		{"service/mail/worker.go", "c.To, c.Username, c.Locale = owner.Email, ", "c.To, c.Username, c.Locale = c.To, "},
	}},
	{"mail: a refused recipient is tried again", []edit{
		{"service/mail/smtp.go", "f.Class, f.Final = ClassRefused, true", "f.Class = ClassRefused"},
	}},
	{"mail: STARTTLS is optional", []edit{
		{"service/mail/smtp.go", "gomail.TLSMandatory", "gomail.TLSOpportunistic"},
	}},
	{"mail: a mail that was sent is not recorded as sent after its claim", []edit{
		{"repository/postgres/outbox.go", "(attempts = $6 OR $2 = 'sent')", "attempts = $6"},
		{"repository/sqlite/outbox.go", "(attempts = ?6 OR ?2 = 'sent')", "attempts = ?6"},
	}},
	{"mail: a change that fails adds its message", []edit{
		{"repository/postgres/revocation.go", " WHERE EXISTS (SELECT 1 FROM audit_log WHERE id = $7::uuid)`, append(messageArgs(m), login.ID)", " WHERE $7::text <> ''`, append(messageArgs(m), login.ID)"},
	}},
	{"mail: a link that is passed on verifies the address", []edit{
		{"repository/postgres/link.go", "CASE WHEN $4 THEN $3", "CASE WHEN $4 OR true THEN $3"},
		{"repository/sqlite/link.go", "CASE WHEN ?4 THEN ?3", "CASE WHEN ?4 OR true THEN ?3"},
	}},
}

// packages are tested in this order, up to the first that notices.
var packages = []string{"./repository", "./repository/batch", "./internal/storetest", "./service/session", "./service/clock", "./service/retention", "./service/mail", "./controller"}

// slow excludes tests that take long and notice nothing that faster tests do not. Every other test
// runs, so that renaming a test cannot exclude it.
const slow = "-skip=Failover|Hangs|LostAnswers|HonestClientsStay|CannotBeBypassed|OAuth2"

// attempts is how often a package is tested until the same test fails twice.
const attempts = 4

func main() {
	survived, err := run()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if err != nil || survived > 0 {
		os.Exit(1)
	}
}

func run() (survived int, err error) {
	wanted, err := regexp.Compile(strings.Join(os.Args[1:], "|"))
	if err != nil {
		return 0, err
	}
	// One tree for all, so that what a bug does not touch is compiled once.
	tree, err := os.MkdirTemp("", "latchkey-mutant-")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(tree) }()
	if out, err := exec.Command("git", "clone", "-q", ".", tree).CombinedOutput(); err != nil {
		return 0, fmt.Errorf("clone the tree: %s", out)
	}
	tried := 0
	for _, m := range mutants {
		if !wanted.MatchString(m.name) {
			continue
		}
		tried++
		caught, err := try(tree, m)
		switch {
		case err != nil:
			return survived, fmt.Errorf("%s: %w", m.name, err)
		case caught == "":
			survived++
			fmt.Printf("SURVIVED  %s\n", m.name)
		default:
			fmt.Printf("| %s | `%s` |\n", m.name, caught)
		}
	}
	fmt.Printf("%d mutants, %d survived\n", tried, survived)
	return survived, nil
}

// try plants one bug, returns the deepest test that fails, and takes the bug out again.
func try(tree string, m mutant) (caught string, err error) {
	for _, e := range m.edits {
		path := filepath.Join(tree, e.file)
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
	defer func() {
		out, e := exec.Command("git", "-C", tree, "checkout", "-q", ".").CombinedOutput()
		if e != nil && err == nil {
			err = fmt.Errorf("restore the tree: %s", out)
		}
	}()
	for _, dir := range packages {
		if caught, err := catch(tree, dir); caught != "" || err != nil {
			return caught, err
		}
	}
	return "", nil
}

// catch returns a test of a package that fails twice, or "" if the package passes. A test
// that fails once only has found that the machine is busy.
func catch(tree, dir string) (caught string, err error) {
	for range attempts {
		out, failed := test(tree, dir, slow)
		if !failed {
			return "", nil
		}
		names := testout.Failures(out)
		if len(names) == 0 {
			return "", fmt.Errorf("no test failed, but go test did:\n%s", out)
		}
		for _, name := range names {
			if _, again := test(tree, dir, "-run="+testout.Pattern(name)); again {
				return name, nil
			}
		}
	}
	return "", fmt.Errorf("%s fails in another test each time: the machine is too busy", dir)
}

// test runs the tests of a package that a flag selects, and reports whether one failed.
func test(tree, dir, selection string) (out []byte, failed bool) {
	cmd := exec.Command("go", "test", "-vet=off", "-count=1", "-failfast", "-tags", "nomsgpack,grpcnotrace", selection, dir)
	cmd.Dir, cmd.Env = tree, append(os.Environ(), "CI=true") // so that a missing server is no skip
	out, err := cmd.CombinedOutput()
	return out, err != nil
}
