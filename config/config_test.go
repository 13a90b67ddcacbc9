package config_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/config"
)

const goodSecret = "0123456789abcdefghijklmnopqrstuv"

func TestDefault_IsValidAndEmbedded(t *testing.T) {
	cfg, err := config.Load("")
	if err != nil {
		t.Fatal(err)
	}
	if !cfg.Embedded() || cfg.Tokens.Issuer != "http://localhost:8080" {
		t.Errorf("embedded %v, issuer %q", cfg.Embedded(), cfg.Tokens.Issuer)
	}
}

func TestLoad_EverySettingHasAVariable(t *testing.T) {
	for name, value := range map[string]string{
		"SERVER_LISTEN": "127.0.0.1:9", "SERVER_TRUSTED_PROXIES": "10.0.0.0/8, 192.0.2.1", "TOKENS_ACCESS_TTL": "5m",
		"REFRESH_IDLE_TTL": "2d", "REFRESH_ROTATE": "false", "CORS_ORIGINS": "https://a.example,https://b.example:8443", "TOKENS_DELIVERY": "body",
		"COOKIES_LEGACY": "sid;domain=localhost;path=/x refreshToken",
		"ERRORS_STATUS":  "token_expired=419,token_missing=400", "PASSWORD_BCRYPT_COST": "10", "TOKENS_SECRET": goodSecret,
	} {
		t.Setenv("LATCHKEY_"+name, value)
	}
	cfg, err := config.Load("")
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintln(cfg.Server.Listen, cfg.Server.TrustedProxies, cfg.Tokens.AccessTTL, cfg.Refresh.IdleTTL, cfg.Refresh.Rotate,
		cfg.CORS.Origins, cfg.Cookies.Legacy, cfg.Errors.Status, cfg.Password.BcryptCost, cfg.Tokens.Secret.Reveal())
	want := "127.0.0.1:9 [10.0.0.0/8 192.0.2.1/32] 5m0s 48h0m0s false [https://a.example https://b.example:8443] [sid;domain=localhost;path=/x refreshToken;path=/] " +
		"map[token_expired:419 token_missing:400] 10 " + goodSecret + "\n"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestValidate_OriginsMustBeAsBrowsersSendThem checks that the origin of a browser matches, in
// whichever form an operator wrote the host.
func TestValidate_OriginsMustBeAsBrowsersSendThem(t *testing.T) {
	t.Setenv("LATCHKEY_SERVER_PUBLIC_URL", "HTTPS://Auth.Example.ORG:443/Sso/")
	t.Setenv("LATCHKEY_TOKENS_DELIVERY", "body")
	t.Setenv("LATCHKEY_CORS_ORIGINS", "https://App.Example.org:443/ http://B\u00fccher.example:80 https://xn--bcher-kva.example:8443 "+
		"https://[2001:DB8:0::1]:443 capacitor://localhost http://localhost:05173")
	cfg, err := config.Load("")
	if err != nil {
		t.Fatal(err)
	}
	if got := cfg.Server.PublicURL.String(); got != "https://auth.example.org/Sso" || cfg.Tokens.Issuer != got {
		t.Errorf("the URL is %s, the issuer %s", got, cfg.Tokens.Issuer)
	}
	want := "[https://app.example.org http://xn--bcher-kva.example https://xn--bcher-kva.example:8443 https://[2001:db8::1] capacitor://localhost http://localhost:5173]"
	if got := fmt.Sprint(cfg.CORS.Origins); got != want {
		t.Errorf("the origins are %s", got)
	}
	for _, never := range []string{"ftp://app.example", "wss://app.example", "https://app.example:0", "https://a..example", "file:///x"} {
		t.Setenv("LATCHKEY_CORS_ORIGINS", never)
		if _, err := config.Load(""); err == nil || !strings.Contains(err.Error(), "cors.origins") {
			t.Errorf("%s, which no browser sends: %v", never, err)
		}
	}
}

func TestLoad_VariablesOverrideTheFile(t *testing.T) {
	for name, text := range map[string]string{
		"settings.yaml": "refresh:\n  sliding: false\n  grace: 4s\nerrors:\n  status:\n    token_expired: 419\nserver:\n  trusted_proxies: [10.0.0.0/8]\n",
		"settings.toml": "[refresh]\nsliding = false\ngrace = \"4s\"\n[errors.status]\ntoken_expired = 419\n[server]\ntrusted_proxies = [\"10.0.0.0/8\"]\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("LATCHKEY_REFRESH_GRACE", "6s")
			cfg, err := config.Load(write(t, name, text))
			if err != nil {
				t.Fatal(err)
			}
			if cfg.Refresh.Sliding || cfg.Refresh.Grace != 6*time.Second || cfg.Errors.Status["token_expired"] != 419 ||
				fmt.Sprint(cfg.Server.TrustedProxies) != "[10.0.0.0/8]" {
				t.Errorf("got %+v", cfg)
			}
		})
	}
}

func TestValidate_ReportsAllBadSettingsByKey(t *testing.T) {
	cases := map[string]struct {
		env  []string
		want []string
	}{
		"an unknown variable":                       {[]string{"TOKENS_ACCES_TTL=5m"}, []string{"LATCHKEY_TOKENS_ACCES_TTL"}},
		"several":                                   {[]string{"PASSWORD_BCRYPT_COST=9", "TOKENS_DELIVERY=mail"}, []string{"password.bcrypt_cost", "tokens.delivery"}},
		"a duration without a unit":                 {[]string{"TOKENS_ACCESS_TTL=10"}, []string{"10m"}},
		"one store without the other":               {[]string{"DATABASE_URL=postgres://x", "TOKENS_SECRET=" + goodSecret}, []string{"redis.url"}},
		"the other without the one":                 {[]string{"REDIS_URL=redis://x"}, []string{"database.url", "tokens.secret"}},
		"a short secret":                            {[]string{"TOKENS_SECRET=tooshort"}, []string{"tokens.secret", "32 bytes"}},
		"the secret of the article":                 {[]string{"TOKENS_SECRET=HCujmweMScV3DwZKtrE7RG7sE8bXDjVy"}, []string{"tokens.secret", "published"}},
		"a placeholder":                             {[]string{"TOKENS_SECRET=changemechangemechangemechangeme"}, []string{"tokens.secret", "placeholder"}},
		"undefined":                                 {[]string{"TOKENS_SECRET=undefined"}, []string{"tokens.secret", "placeholder"}},
		"http on a public host":                     {[]string{"SERVER_PUBLIC_URL=http://auth.example.org"}, []string{"server.public_url", "https"}},
		"a public address with no URL":              {[]string{"SERVER_LISTEN=0.0.0.0:8080"}, []string{"server.public_url"}},
		"an origin with a path":                     {[]string{"CORS_ORIGINS=https://a.example/x"}, []string{"cors.origins"}},
		"an origin of a host that no browser sends": {[]string{"CORS_ORIGINS=https://127.1"}, []string{"cors.origins", "127.1"}},
		"an origin with a port out of range":        {[]string{"CORS_ORIGINS=https://a.example:70000"}, []string{"cors.origins", "port"}},
		"an origin of a sandbox":                    {[]string{"CORS_ORIGINS=null"}, []string{"cors.origins", "scheme"}},
		"a public URL that ends in a dot":           {[]string{"SERVER_PUBLIC_URL=https://auth.example.org."}, []string{"server.public_url", "dot"}},
		"a public URL with an odd path":             {[]string{"SERVER_PUBLIC_URL=https://example.org/a//b"}, []string{"server.public_url", "path"}},
		"a cookie prefix with a blank":              {[]string{"COOKIES_PREFIX=shop;"}, []string{"cookies.prefix"}},
		"a cookie prefix of the browsers'":          {[]string{"COOKIES_PREFIX=__Host-"}, []string{"cookies.prefix", "__Host-"}},
		"an idle timeout of nothing":                {[]string{"SERVER_IDLE_TIMEOUT=0s"}, []string{"server.idle_timeout"}},
		"two names of this machine": {
			[]string{"SERVER_PUBLIC_URL=http://127.0.0.1:8080", "CORS_ORIGINS=http://localhost:3000"},
			[]string{"cors.origins", "different sites", "tokens.delivery to body"},
		},
		"idle beyond absolute":            {[]string{"REFRESH_IDLE_TTL=40d"}, []string{"refresh.idle_ttl"}},
		"access tokens of a few moments":  {[]string{"TOKENS_ACCESS_TTL=59s"}, []string{"tokens.access_ttl"}},
		"an origin with a wildcard":       {[]string{"CORS_ORIGINS=https://*.example.org"}, []string{"cors.origins"}},
		"a base path of two slashes":      {[]string{"SERVER_BASE_PATH=//api"}, []string{"server.base_path"}},
		"a public URL without a host":     {[]string{"SERVER_PUBLIC_URL=https://:8080"}, []string{"server.public_url"}},
		"a forgotten URL":                 {[]string{"DATABASE_URL="}, []string{"LATCHKEY_DATABASE_URL", "empty"}},
		"a secret of blanks":              {[]string{"TOKENS_SECRET=abcdefgh                        "}, []string{"tokens.secret", "32 bytes"}},
		"no prefix":                       {[]string{"REDIS_PREFIX="}, []string{"redis.prefix"}},
		"grace under strict":              {[]string{"REFRESH_PRESET=strict", "REFRESH_GRACE=5s"}, []string{"refresh.grace", "strict"}},
		"a cookie domain over http":       {[]string{"COOKIES_DOMAIN=localhost"}, []string{"cookies.domain", "https"}},
		"another cookie domain":           {[]string{"SERVER_PUBLIC_URL=https://auth.example.org", "COOKIES_DOMAIN=example.com"}, []string{"cookies.domain", "parent domain"}},
		"a cookie domain of many":         {[]string{"SERVER_PUBLIC_URL=https://auth.example.co.uk", "COOKIES_DOMAIN=co.uk"}, []string{"cookies.domain", "suffix"}},
		"a cookie domain of an address":   {[]string{"SERVER_PUBLIC_URL=https://192.0.2.1", "COOKIES_DOMAIN=192.0.2.1"}, []string{"cookies.domain", "address"}},
		"SameSite none over http":         {[]string{"COOKIES_SAME_SITE=none"}, []string{"cookies.same_site", "https", "cors.origins"}},
		"SameSite of a kind unknown":      {[]string{"COOKIES_SAME_SITE=loose"}, []string{"cookies.same_site"}},
		"a cookie domain that is no name": {[]string{"SERVER_PUBLIC_URL=https://auth.my_corp.example.org", "COOKIES_DOMAIN=my_corp.example.org"}, []string{"cookies.domain"}},
		"a legacy cookie without a name":  {[]string{"COOKIES_LEGACY=ses[0]"}, []string{"write cookies as in"}},
		"cookies for another site": {
			[]string{"SERVER_PUBLIC_URL=https://auth.example.org", "CORS_ORIGINS=https://app.example.com", "TOKENS_DELIVERY=cookie"},
			[]string{"cors.origins", "cookies.same_site"},
		},
		"a legacy cookie out of reach":    {[]string{"SERVER_PUBLIC_URL=https://auth.example.org", "COOKIES_LEGACY=sid;domain=example.com"}, []string{"cookies.legacy"}},
		"a legacy cookie that cannot be":  {[]string{"COOKIES_LEGACY=__Host-accessToken;path=/auth"}, []string{"cookies.legacy", "__Host-"}},
		"a legacy cookie with attributes": {[]string{"COOKIES_LEGACY=sid;secure"}, []string{"write cookies as in"}},
		"a status that is a success":      {[]string{"ERRORS_STATUS=token_expired=200"}, []string{"errors.status"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			for _, e := range c.env {
				key, value, _ := strings.Cut(e, "=")
				t.Setenv("LATCHKEY_"+key, value)
			}
			_, err := config.Load("")
			if err == nil {
				t.Fatal("accepted")
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q does not mention %q", err, w)
				}
			}
		})
	}
	if _, err := config.Load(write(t, "x.yaml", "refresh:\n  slidin: true\n")); err == nil || !strings.Contains(err.Error(), "slidin") {
		t.Errorf("an unknown key in a file: %v", err)
	}
}

func TestSecret_IsRedacted(t *testing.T) {
	cfg := config.Default()
	cfg.Tokens.Secret = config.NewSecret(goodSecret)
	cfg.Database.URL = config.NewSecret("postgres://u:" + goodSecret + "@h/d")
	encoded, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "secret", cfg.Tokens.Secret, "tokens", cfg.Tokens)
	shown := fmt.Sprintf("%v %+v %#v %s", cfg, cfg, cfg, encoded) + log.String() + fmt.Sprint(cfg.Settings())
	if strings.Contains(shown, goodSecret) {
		t.Error("the secret is shown")
	}
	if !strings.Contains(shown, "REDACTED") {
		t.Error("nothing says that there is a secret")
	}
}

// TestDocs_EverySettingIsDocumented requires that docs/configuration.md lists each key with its
// variable and its default, and no other keys.
func TestDocs_EverySettingIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, s := range config.Default().Settings() {
		want = append(want, fmt.Sprintf("| `%s` | `%s` | %s |", s.Key, s.Variable, quoted(s.Value)))
	}
	var got []string
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "| `") && strings.Contains(line, "| `LATCHKEY_") {
			got = append(got, strings.Join(strings.SplitAfterN(line, "|", 5)[:4], ""))
		}
	}
	for _, w := range want {
		if !slices.Contains(got, w) {
			t.Errorf("docs/configuration.md lacks the row %s", w)
		}
	}
	for _, g := range got {
		if !slices.Contains(want, g) {
			t.Errorf("docs/configuration.md has a row that is no setting: %s", g)
		}
	}
}

func quoted(s string) string {
	if s == "" {
		return "none"
	}
	return "`" + s + "`"
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoad_EmptyVariablesAndInjectedOnes(t *testing.T) {
	t.Setenv("LATCHKEY_SERVER_BASE_PATH", "")
	t.Setenv("LATCHKEY_PORT", "tcp://10.0.0.1:8080")
	t.Setenv("LATCHKEY_PORT_8080_TCP_ADDR", "10.0.0.1")
	t.Setenv("LATCHKEY_REDIS_SERVICE_HOST", "10.0.0.2")
	cfg, err := config.Load("")
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Server.BasePath != "" {
		t.Errorf("base path %q", cfg.Server.BasePath)
	}
}

func TestRefreshPreset_StrictHasNoGrace(t *testing.T) {
	t.Setenv("LATCHKEY_REFRESH_PRESET", "strict")
	cfg, err := config.Load("")
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Refresh.Grace != 0 || cfg.Refresh.Recovery != 0 {
		t.Errorf("grace %s, recovery %s", cfg.Refresh.Grace, cfg.Refresh.Recovery)
	}
}

func TestLoad_ErrorsDoNotQuoteTheFile(t *testing.T) {
	_, err := config.Load(write(t, "x.yaml", "hunter2-is-my-secret"))
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}
