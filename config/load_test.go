package config_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"latchkey/config"
)

// TestLoad_ReportsAllProblemsWithTheirLines checks that one start reports every mistake, in
// each format of a settings file.
func TestLoad_ReportsAllProblemsWithTheirLines(t *testing.T) {
	t.Setenv("LATCHKEY_LOG_LEVEL", "loud")
	t.Setenv("LATCHKEY_TOKENS_ACCES_TTL", "5m")
	for name, text := range map[string]string{
		"settings.yaml": "server:\n  listen: [a, b]\n  listn: x\npassword:\n  bcrypt_cost: high\n  min_length: 3\nrefresh: {rotate: perhaps, grace: 10}\nerrors:\n  status: {token_expired: many}\nspeling: 1\ndatabase:\n  url: 5\ncors:\n  origins:\n  - ftp//x\n",
		"settings.toml": "[server]\nlisten = [\"a\", \"b\"]\nlistn = \"x\"\n[password]\nbcrypt_cost = \"high\"\nmin_length = 3\n[refresh]\nrotate = \"perhaps\"\ngrace = 10\n[errors]\nstatus = {token_expired = \"many\"}\n[speling]\nx = 1\n[database]\nurl = 5\n[cors]\norigins = [\"ftp//x\"]\n",
		"dotted.toml":   "server.listen = [\"a\", \"b\"]\nserver.listn = \"x\"\npassword = {bcrypt_cost = \"high\", min_length = 3}\nrefresh.rotate = \"perhaps\"\nrefresh.grace = 10\nerrors.status.token_expired = \"many\"\nspeling.x = 1\ndatabase.url = 5\ncors.origins = [\"ftp//x\"]\n",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := config.Load(write(t, name, text))
			if err == nil {
				t.Fatal("accepted")
			}
			lines := strings.Split(err.Error(), "\n")
			at := func(word string) string {
				for i, line := range strings.Split(text, "\n") {
					if strings.Contains(line, word) {
						return "(" + name + ", line " + string(rune('0'+(i+1)/10)) + string(rune('0'+(i+1)%10)) + "): "
					}
				}
				return ""
			}
			for _, want := range []string{
				"server.listen " + at("listen") + "write it as text", "server.listn " + at("listn") + "is not a setting; did you mean server.listen?",
				"password.bcrypt_cost " + at("bcrypt_cost") + "write a whole number", "password.min_length " + at("min_length") + "must be between",
				"refresh.rotate " + at("rotate") + "write true or false", "refresh.grace " + at("grace") + "write a duration",
				"errors.status " + at("status") + "token_expired: write a whole number", "speling " + at("speling") + "is not a section",
				"database.url " + at("url"), "cors.origins " + at("origins") + `"ftp//x" is not an origin`,
				"log.level (LATCHKEY_LOG_LEVEL): must be one of",
				"LATCHKEY_TOKENS_ACCES_TTL: is not the variable of a setting; did you mean LATCHKEY_TOKENS_ACCESS_TTL?",
			} {
				want = strings.Replace(want, "line 0", "line ", 1)
				found := false
				for _, line := range lines {
					found = found || strings.HasPrefix(line, want)
				}
				if !found {
					t.Errorf("no line %q", want)
				}
			}
			for _, word := range []string{"reflect", "mapstructure", "[]string", "interface", "config.", "time.Duration", "int", "map["} {
				if strings.Contains(strings.ReplaceAll(err.Error(), "hint", ""), word) {
					t.Errorf("a word of Go: %q", word)
				}
			}
			if t.Failed() {
				t.Log(err)
			}
		})
	}
}

func TestLoad_FilesThatAreNotWellFormed(t *testing.T) {
	for name, c := range map[string]struct{ file, text, want string }{
		"a second document":     {"x.yaml", "log: {level: info}\n---\nlog: {level: debug}\n", "second document (line 2)"},
		"YAML with a tab":       {"x.yaml", "log:\n\tlevel: s3cret\n", "not well-formed YAML (line"},
		"a key twice":           {"x.yaml", "log: {level: info}\nserver: {}\nlog: {level: debug}\n", "log appears twice (lines 1 and 3)"},
		"a key of a number":     {"x.yaml", "1: s3cret\n", "not text (line 1)"},
		"a scalar":              {"x.yaml", "s3cret\n", "write sections"},
		"a section of a text":   {"x.yaml", "log: s3cret\n", "log (x.yaml, line 1): is a section"},
		"a key without a value": {"x.yaml", "log:\n  level:\n", "log.level (x.yaml, line 2): has no value"},
		"TOML without a quote":  {"x.toml", "[log]\nlevel = s3cret\n", "not well-formed TOML (line 2)"},
		"TOML with a key twice": {"x.toml", "[log]\nlevel = \"info\"\nlevel = \"s3cret\"\n", "log.level appears twice (lines 2 and 3)"},
		"a TOML section twice":  {"x.toml", "[log]\nlevel = \"info\"\n[server]\n[log]\nformat = \"text\"\n", "log appears twice (lines 1 and 4)"},
		"an inline key twice":   {"x.toml", "log = {level = \"info\"}\n[log]\nformat = \"text\"\n", "log appears twice (lines 1 and 2)"},
		"a list of sections":    {"x.toml", "[log]\n[[server]]\nlisten = \"s3cret\"\n", "server (x.toml, line 2): is a list: write one section with its keys"},
		"a list in YAML":        {"x.yaml", "log:\n- level: info\n", "log (x.yaml, line 1): is a list"},
		"an alias of itself":    {"x.yaml", "log: &l {level: info, format: *l}\n", "in place of an alias (line 1)"},
		"a key in two cases":    {"x.toml", "[log]\nlevel = \"debug\"\nLevel = \"info\"\n", "appears twice"},
		"another format":        {"x.json", "{}", "must end in .yaml or .toml"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := config.Load(write(t, c.file, c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
	for file, text := range map[string]string{
		"x.yaml": "tokens: {secret:s3cret00s3cret}\n", "y.yaml": "s3cret00: 1\n", "x.toml": "[tokens]\n\"secret s3cret\" = 1\n",
	} {
		if _, err := config.Load(write(t, file, text)); err == nil || strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), "line ") {
			t.Errorf("%s: %v", text, err)
		}
	}
	if cfg, err := config.Load(write(t, "octal.yaml", "tokens: {audience: 0777}\nredis: {prefix: 1.10}\n")); err != nil || cfg.Tokens.Audience != "0777" || cfg.Redis.Prefix != "1.10" {
		t.Errorf("numbers as text: %v %q %q", err, cfg.Tokens.Audience, cfg.Redis.Prefix)
	}
	for _, text := range []string{"", "# nothing\n", "---\n", "log:\n"} {
		if _, err := config.Load(write(t, "empty.yaml", text)); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

const (
	goodDatabase = "postgres://u:p%40ss@one:5432,two:5432/latchkey?target_session_attrs=read-write"
	goodRedis    = "rediss://u:p@redis:6379/0"
)

// TestLoad_OneRuleForURLsAndSecrets checks that white space and quotes around a value never
// become part of it, in any source.
func TestLoad_OneRuleForURLsAndSecrets(t *testing.T) {
	want := []string{goodDatabase, goodRedis, goodSecret}
	names := []string{"LATCHKEY_DATABASE_URL", "LATCHKEY_REDIS_URL", "LATCHKEY_TOKENS_SECRET"}
	check := func(t *testing.T) {
		t.Helper()
		cfg, err := config.Load("")
		if err != nil {
			t.Fatal(err)
		}
		for i, got := range []string{cfg.Database.URL.Reveal(), cfg.Redis.URL.Reveal(), cfg.Tokens.Secret.Reveal()} {
			if got != want[i] {
				t.Errorf("%s is %q", names[i], got)
			}
		}
	}
	t.Run("a newline", func(t *testing.T) {
		for i, name := range names {
			t.Setenv(name, " "+want[i]+"\r\n")
		}
		check(t)
	})
	t.Run("the URL of a collector in a file", func(t *testing.T) {
		t.Setenv("LATCHKEY_TRACES_ENDPOINT_FILE", write(t, "url", "\uFEFFhttps://traces.example/v1?key=s3cret\n"))
		cfg, err := config.Load("")
		if err != nil || cfg.Traces.Endpoint.String() != "https://traces.example/v1?key=s3cret" {
			t.Errorf("%v %v", cfg.Traces.Endpoint, err)
		}
	})
	t.Run("files", func(t *testing.T) {
		for i, name := range names {
			t.Setenv(name+"_FILE", write(t, "secret", want[i]+"\n"))
		}
		check(t)
	})
	for _, bad := range []string{`"` + "%s" + `"`, "'%s'", "%s\nsecond line"} {
		t.Run(bad, func(t *testing.T) {
			for i, name := range names {
				t.Setenv(name, strings.Replace(bad, "%s", want[i], 1))
			}
			_, err := config.Load("")
			for _, name := range names {
				if err == nil || !strings.Contains(err.Error(), "("+name+"): has ") || strings.Contains(err.Error(), "p%40ss") {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
}

func TestLoad_BadSecretsAndTheirFiles(t *testing.T) {
	for name, c := range map[string]struct {
		env  map[string]string
		want string
	}{
		"both":                      {map[string]string{"TOKENS_SECRET": goodSecret, "TOKENS_SECRET_FILE": "/dev/null"}, "tokens.secret (LATCHKEY_TOKENS_SECRET_FILE): is set twice: also by LATCHKEY_TOKENS_SECRET"},
		"an empty file":             {map[string]string{"TOKENS_SECRET_FILE": "/dev/null"}, "tokens.secret (LATCHKEY_TOKENS_SECRET_FILE): the file is empty"},
		"no file":                   {map[string]string{"TOKENS_SECRET_FILE": "/nonexistent"}, "cannot be read: open /nonexistent"},
		"an empty name":             {map[string]string{"TOKENS_SECRET_FILE": ""}, "cannot be read"},
		"of no secret":              {map[string]string{"LOG_LEVEL_FILE": "x"}, "LATCHKEY_LOG_LEVEL_FILE: is not the variable of a setting"},
		"white space":               {map[string]string{"DATABASE_URL": " "}, "database.url (LATCHKEY_DATABASE_URL): is set and empty"},
		"a newline":                 {map[string]string{"REDIS_URL": "\n"}, "redis.url (LATCHKEY_REDIS_URL): is set and empty"},
		"a BOM and a newline":       {map[string]string{"TOKENS_SECRET": "\uFEFF\r\n"}, "tokens.secret (LATCHKEY_TOKENS_SECRET): is set and empty"},
		"a quote at the end":        {map[string]string{"TOKENS_SECRET": goodSecret + `"`}, "tokens.secret (LATCHKEY_TOKENS_SECRET): has a quote at one end"},
		"a quote at the start":      {map[string]string{"REDIS_SENTINEL_PASSWORD": "'s3cret"}, "redis.sentinel_password (LATCHKEY_REDIS_SENTINEL_PASSWORD): has a quote at one end"},
		"one quote":                 {map[string]string{"DATABASE_URL": `"`}, "database.url (LATCHKEY_DATABASE_URL): has a quote at one end"},
		"a URL and a quote":         {map[string]string{"DATABASE_URL": `postgres://a:s3cret@h/d"`}, "database.url (LATCHKEY_DATABASE_URL): has a quote at one end"},
		"quotes of a text":          {map[string]string{"TOKENS_SECRET": "\u201c" + goodSecret + "\u201d"}, "has quotes around it"},
		"an invisible end":          {map[string]string{"TOKENS_SECRET": goodSecret + "\u200b"}, "tokens.secret (LATCHKEY_TOKENS_SECRET): has an invisible character"},
		"an invisible end of a URL": {map[string]string{"DATABASE_URL": "postgres://a:s3cret@h/d\u200b"}, "has an invisible character"},
		"a quote in a URL":          {map[string]string{"REDIS_URL": `redis://u:s3"cret@h/0`}, "redis.url (LATCHKEY_REDIS_URL): has white space, a quote or a character outside ASCII"},
		"a blank in a URL":          {map[string]string{"DATABASE_URL": "postgres://u:p@h/d s3cret"}, "database.url (LATCHKEY_DATABASE_URL): has white space"},
		"an umlaut in a URL":        {map[string]string{"DATABASE_URL": "postgres://u:s3cr\u00e9t@h/d"}, "database.url (LATCHKEY_DATABASE_URL): has white space"},
		"words":                     {map[string]string{"DATABASE_URL": "host=db password=s3cret"}, "database.url (LATCHKEY_DATABASE_URL): must start with postgres://"},
		"another database":          {map[string]string{"DATABASE_URL": "mysql://u:s3cret@db/x"}, "must start with postgres://"},
		"a ? unescaped":             {map[string]string{"DATABASE_URL": "postgres://u:s3?cret@db/x"}, "must be percent-encoded"},
		"a / unescaped":             {map[string]string{"DATABASE_URL": "postgres://u:12/s3cret@db/x"}, "must be percent-encoded"},
		"a directory in quotes":     {map[string]string{"DATA_DIR": `"/tmp/x"`}, "data.dir (LATCHKEY_DATA_DIR): has quotes around it"},
		"a port of ours":            {map[string]string{"SERVER_PORT": "9000"}, "LATCHKEY_SERVER_PORT: is not the variable of a setting"},
		"a port out of range":       {map[string]string{"SERVER_LISTEN": "127.0.0.1:99999"}, "server.listen (LATCHKEY_SERVER_LISTEN): must have a port"},
		"an @ unescaped":            {map[string]string{"DATABASE_URL": "postgres://u:s3@cret@db/x"}, "must be percent-encoded: @ as %40"},
		"a # unescaped":             {map[string]string{"REDIS_URL": "redis://u:s3#cret@db/0"}, "must be percent-encoded"},
		"a password of sentinels that are not there": {map[string]string{"REDIS_SENTINEL_PASSWORD": "x"}, "redis.sentinel_password (LATCHKEY_REDIS_SENTINEL_PASSWORD): requires redis.mode sentinel"},
		"an authority without TLS":                   {map[string]string{"REDIS_CA_FILE": "ca.pem", "REDIS_URL": "redis://r"}, "redis.ca_file (LATCHKEY_REDIS_CA_FILE): requires TLS"},
		"a certificate without a key":                {map[string]string{"REDIS_CERT_FILE": "c.pem", "REDIS_URL": "rediss://r"}, "redis.cert_file (LATCHKEY_REDIS_CERT_FILE): requires redis.key_file"},
		"no scheme":                                  {map[string]string{"REDIS_URL": "redis:6379"}, "must start with redis://"},
	} {
		t.Run(name, func(t *testing.T) {
			for k, v := range c.env {
				t.Setenv("LATCHKEY_"+k, v)
			}
			_, err := config.Load("")
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), goodSecret) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
	for _, text := range []string{"\uFEFF", " \n", "\r\n\uFEFF\n"} {
		t.Run(fmt.Sprintf("a file of %q", text), func(t *testing.T) {
			t.Setenv("LATCHKEY_DATABASE_URL_FILE", write(t, "url", text))
			if _, err := config.Load(""); err == nil || !strings.Contains(err.Error(), "database.url (LATCHKEY_DATABASE_URL_FILE): the file is empty") {
				t.Error(err)
			}
		})
	}
	if _, err := config.Load(write(t, "x.yaml", "database: {url: ' '}\n")); err == nil || !strings.Contains(err.Error(), "database.url (x.yaml, line 1): is set and empty") {
		t.Errorf("white space in a settings file: %v", err)
	}
	if err := os.Chmod(write(t, "secret", goodSecret), 0o644); err != nil { // the usual mode of a mounted secret
		t.Fatal(err)
	}
}

// TestLoad_NamesEachWrongItem checks that a list or a map reports each of its wrong items.
func TestLoad_NamesEachWrongItem(t *testing.T) {
	want := []string{
		`item 2, "bad": write networks as in 10.0.0.0/8`, `item 3, "worse": write networks as in 10.0.0.0/8`,
		"token_expired: write a whole number", "token_missing: write a whole number",
		`item 1, "a;b": write cookies as in`,
	}
	check := func(t *testing.T, file string) {
		t.Helper()
		_, err := config.Load(file)
		for _, w := range want {
			if err == nil || !strings.Contains(err.Error(), w) {
				t.Errorf("%v, want %q", err, w)
			}
		}
	}
	check(t, write(t, "x.yaml", "server: {trusted_proxies: [10.0.0.0/8, bad, worse]}\nerrors: {status: {token_expired: many, token_missing: few}}\ncookies: {legacy: [a;b]}\n"))
	check(t, write(t, "x.toml", "server.trusted_proxies = ['10.0.0.0/8', 'bad', 'worse']\nerrors.status = {token_expired = 'many', token_missing = 'few'}\ncookies.legacy = ['a;b']\n"))
	t.Setenv("LATCHKEY_SERVER_TRUSTED_PROXIES", "10.0.0.0/8, bad worse")
	t.Setenv("LATCHKEY_ERRORS_STATUS", "token_expired=many,token_missing=few")
	t.Setenv("LATCHKEY_COOKIES_LEGACY", "a;b")
	check(t, "")
}

// TestLoad_RunsTheChecksOfTheCaller checks that they report together with all other problems, and
// that a problem with the default of a key that could not be read is left out.
func TestLoad_RunsTheChecksOfTheCaller(t *testing.T) {
	_, err := config.Load(write(t, "x.yaml", "log: {level: loud}\nerrors:\n  status: {a: 400}\ndatabase: {max_conns: many}\n"),
		func(cfg config.Config, report func(key, format string, args ...any)) {
			for code := range cfg.Errors.Status {
				report("errors.status", "unknown error %q", code)
			}
			report("database.max_conns", "misleads")
		})
	want := "database.max_conns (x.yaml, line 4): write a whole number\nlog.level (x.yaml, line 1): must be one of debug, info, warn, error\n" +
		"errors.status (x.yaml, line 3): unknown error \"a\""
	if err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
}

func TestLoadClients_KeepsTheTextOfNumbers(t *testing.T) {
	list, err := config.LoadClients(write(t, "clients.yaml", "\uFEFFclients: [{id: 0777, name: 1.10}]\n"))
	if err != nil || len(list) != 1 || list[0].ID != "0777" || list[0].Name != "1.10" {
		t.Errorf("%+v %v", list, err)
	}
}
