package config

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/go-viper/mapstructure/v2"
	"github.com/spf13/viper"
)

// envPrefix starts the name of every variable.
const envPrefix = "LATCHKEY"

// Load reads the defaults, then the file (YAML or TOML; empty: none), then the
// environment, and validates the result. Its errors name keys and never values.
func Load(file string) (Config, error) {
	v := viper.New()
	v.SetEnvPrefix(envPrefix)
	v.AllowEmptyEnv(true) // an empty base_path is a setting
	v.SetEnvKeyReplacer(strings.NewReplacer(".", "_"))
	cfg := Default()
	for _, s := range cfg.Settings() {
		// A variable whose key is neither known nor bound is not seen.
		if err := v.BindEnv(s.Key); err != nil {
			return Config{}, err
		}
	}
	if file != "" {
		v.SetConfigFile(file)
		if err := v.ReadInConfig(); err != nil {
			return Config{}, fileError(file, err)
		}
	}
	if err := unknownVariables(cfg); err != nil {
		return Config{}, err
	}
	if err := v.UnmarshalExact(&cfg, viper.DecodeHook(decodeHook)); err != nil {
		return Config{}, fmt.Errorf("settings: %w", err)
	}
	if cfg.Refresh.Preset == "strict" {
		for key, value := range map[string]*time.Duration{"refresh.grace": &cfg.Refresh.Grace, "refresh.recovery": &cfg.Refresh.Recovery} {
			if v.IsSet(key) && *value != 0 {
				return Config{}, fmt.Errorf("%s: is 0 under refresh.preset strict; remove it, or the preset", key)
			}
			*value = 0
		}
	}
	if err := cfg.Validate(); err != nil {
		return Config{}, err
	}
	return cfg, nil
}

// fileError says what is wrong with a file without repeating what is in it.
func fileError(file string, err error) error {
	var path *fs.PathError
	switch {
	case errors.As(err, &path):
		return fmt.Errorf("read the settings: %w", err)
	case errors.As(err, new(viper.UnsupportedConfigError)):
		return fmt.Errorf("the settings in %s: the name must end in .yaml or .toml", file)
	}
	return fmt.Errorf("the settings in %s are not well-formed YAML or TOML", file)
}

// byOrchestrator matches what an orchestrator injects for a service named
// latchkey: LATCHKEY_PORT, LATCHKEY_SERVICE_HOST, LATCHKEY_PORT_8080_TCP_ADDR.
var byOrchestrator = regexp.MustCompile(`_(SERVICE_HOST|SERVICE_PORT|PORT)(_[A-Z0-9_]+)?$`)

// unknownVariables refuses a variable that is none of ours, and one for a secret
// that was left empty: a misspelt or forgotten setting must not silently be the
// default.
func unknownVariables(cfg Config) error {
	known, secret := map[string]bool{}, map[string]bool{}
	for _, s := range cfg.Settings() {
		known[s.Variable], secret[s.Variable] = true, s.Secret
	}
	var errs []error
	for _, e := range os.Environ() {
		name, value, _ := strings.Cut(e, "=")
		switch {
		case !strings.HasPrefix(name, envPrefix+"_"), strings.HasPrefix(name, envPrefix+"_TEST_"):
		case known[name] && value == "" && secret[name]:
			errs = append(errs, fmt.Errorf("the variable %s is set and empty; fill it in, or unset it", name))
		case !known[name] && !byOrchestrator.MatchString(name):
			errs = append(errs, fmt.Errorf("the variable %s is no setting", name))
		}
	}
	return errors.Join(errs...)
}

// decodeHook turns what files and variables hold into the types of the fields.
func decodeHook(from, to reflect.Type, data any) (any, error) {
	text, ok := data.(string)
	if !ok {
		switch to {
		case reflect.TypeFor[time.Duration]():
			return nil, errors.New("write a duration with its unit, as in 10m or 14d")
		case reflect.TypeFor[Secret]():
			return nil, errors.New("write it as text, in quotes") // the library's error would repeat it
		}
		return data, nil
	}
	switch to {
	case reflect.TypeFor[Secret]():
		return NewSecret(text), nil
	case reflect.TypeFor[time.Duration]():
		return parseDuration(text)
	case reflect.TypeFor[*url.URL](), reflect.TypeFor[url.URL]():
		u, err := url.Parse(text)
		if err != nil {
			return nil, errors.New("not a URL")
		}
		if to.Kind() == reflect.Pointer {
			return u, nil
		}
		return *u, nil
	case reflect.TypeFor[[]netip.Prefix]():
		return parsePrefixes(text)
	case reflect.TypeFor[netip.Prefix]():
		return parsePrefix(text)
	case reflect.TypeFor[[]CookieTuple]():
		return parseCookieTuples(text)
	case reflect.TypeFor[CookieTuple]():
		return parseCookieTuple(text)
	case reflect.TypeFor[[]string]():
		return split(text), nil
	case reflect.TypeFor[map[string]int]():
		return parseMap(text)
	case reflect.TypeFor[bool]():
		b, err := strconv.ParseBool(text)
		if err != nil {
			return nil, errors.New("write true or false")
		}
		return b, nil
	case reflect.TypeFor[int]():
		n, err := strconv.Atoi(text)
		if err != nil {
			return nil, errors.New("write a whole number")
		}
		return n, nil
	}
	return data, nil
}

// parseDuration reads what time.ParseDuration reads, and days: 14d.
func parseDuration(s string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseFloat(days, 64)
		if err == nil {
			return time.Duration(n * 24 * float64(time.Hour)), nil
		}
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, errors.New("write a duration with its unit, as in 10m or 14d")
	}
	return d, nil
}

func parsePrefix(s string) (netip.Prefix, error) {
	if p, err := netip.ParsePrefix(s); err == nil {
		return p.Masked(), nil
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, errors.New("write networks as in 10.0.0.0/8")
	}
	return netip.PrefixFrom(a, a.BitLen()), nil
}

func parsePrefixes(s string) ([]netip.Prefix, error) {
	var list []netip.Prefix
	for _, part := range split(s) {
		p, err := parsePrefix(part)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}

// parseMap reads token_expired=419,token_missing=400.
func parseMap(s string) (map[string]int, error) {
	m := map[string]int{}
	for _, part := range split(s) {
		key, value, _ := strings.Cut(part, "=")
		n, err := strconv.Atoi(value)
		if err != nil {
			return nil, errors.New("write pairs as in token_expired=419,token_missing=400")
		}
		m[key] = n
	}
	return m, nil
}

func split(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
}

var _ mapstructure.DecodeHookFuncType = decodeHook
