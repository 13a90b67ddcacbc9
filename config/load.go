package config

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/viper"
)

// Load reads the defaults, then the file (YAML or TOML; empty: none), then the environment, and
// validates the result, also by the checks of the caller. It reports all problems at once, each
// with its key and with the line or the variable. Its errors never repeat a secret.
func Load(file string, checks ...Check) (Config, error) {
	s := source{viper: viper.New(), from: map[string]string{}}
	s.viper.AllowEmptyEnv(true) // an empty base_path is a valid setting
	cfg := Default()
	p := &problems{where: s.from, bad: map[string]bool{}}
	if file != "" {
		f, err := readSettingsFile(file)
		if err != nil {
			return Config{}, err
		}
		if err := s.readFile(f, cfg.Settings(), p); err != nil {
			return Config{}, err
		}
	}
	if err := s.readEnvironment(cfg.Settings(), p); err != nil {
		return Config{}, err
	}
	s.decode(&cfg, p)
	if cfg.Refresh.Preset == "strict" {
		if s.viper.IsSet("refresh.grace") && cfg.Refresh.Grace != 0 || s.viper.IsSet("refresh.recovery") && cfg.Refresh.Recovery != 0 {
			p.add("refresh.preset", "strict excludes refresh.grace and refresh.recovery: remove them or the preset")
		}
		cfg.Refresh.Grace, cfg.Refresh.Recovery = 0, 0
	}
	cfg.validate(p)
	for _, check := range checks {
		check(cfg, p.add)
	}
	if err := p.err(); err != nil {
		return Config{}, err
	}
	return cfg, nil
}

// source collects the settings from all sources.
type source struct {
	viper *viper.Viper
	from  map[string]string // a key to the line or the variable that set it
}

// readFile adds the settings of a file.
func (s source) readFile(f settingsFile, known []Setting, p *problems) error {
	layer, written := map[string]any{}, map[string]bool{}
	sections, keys := map[string]bool{}, map[string]bool{}
	for _, k := range known {
		section, _, _ := strings.Cut(k.Key, ".")
		sections[section], keys[k.Key] = true, true
	}
	for _, name := range slices.Sorted(maps.Keys(f.values)) {
		section, value := strings.ToLower(name), f.values[name]
		members, isSection := value.(map[string]any)
		switch {
		case !sections[section]:
			p.unread(f.where(section), nameOf(section), "is not a section of settings")
		case value == nil: // a section without keys
		case isList(value):
			p.unread(f.where(section), section, "is a list: write one section with its keys")
		case !isSection:
			p.unread(f.where(section), section, "is a section: write its keys under it")
		}
		for _, name := range slices.Sorted(maps.Keys(members)) {
			member, key := members[name], section+"."+strings.ToLower(name)
			switch {
			case written[key]:
				p.unread(f.where(key), nameOf(key), "appears twice, in upper and in lower case")
			case sections[section] && !keys[key]:
				p.unread(f.where(key), nameOf(key), "is not a setting%s", didYouMean(key, known))
			case member == nil:
				p.unread(f.where(key), key, "has no value: remove it to get the default")
			case keys[key]:
				written[key] = true
				layer[key] = member
				s.from[key] = f.where(key)
			}
		}
	}
	return s.viper.MergeConfigMap(nested(layer))
}

func isList(value any) bool {
	_, ok := value.([]any)
	return ok
}

// nested converts keys with a section to sections of keys.
func nested(flat map[string]any) map[string]any {
	sections := map[string]any{}
	for key, value := range flat {
		section, name, _ := strings.Cut(key, ".")
		members, ok := sections[section].(map[string]any)
		if !ok {
			members = map[string]any{}
			sections[section] = members
		}
		members[name] = value
	}
	return sections
}

// readEnvironment adds the settings of the environment. It reports variables that are not a
// setting, so that a misspelt or obsolete setting does not silently have its default.
func (s source) readEnvironment(known []Setting, p *problems) error {
	variables := map[string]Setting{}
	for _, k := range known {
		variables[k.Variable] = k
		if err := s.viper.BindEnv(k.Key, k.Variable); err != nil {
			return err
		}
	}
	environment := os.Environ()
	slices.Sort(environment)
	for _, e := range environment {
		name, value, _ := strings.Cut(e, "=")
		setting, ok := variables[name]
		secret, isFile := variables[strings.TrimSuffix(name, fileSuffix)]
		switch {
		case !strings.HasPrefix(name, envPrefix+"_"), strings.HasPrefix(name, envPrefix+"_TEST_"):
		case ok && value == "" && setting.Secret:
			p.unread(name, setting.Key, emptySecret)
		case ok:
			s.from[setting.Key] = name
		case isFile && secret.FromFile && strings.HasSuffix(name, fileSuffix):
			s.readSecretFile(secret, name, value, p)
		case !byOrchestrator(name, value):
			p.unread("", name, "is not the variable of a setting%s", didYouMean(name, known))
		}
	}
	return nil
}

// readSecretFile reads a secret from the file that a variable names.
func (s source) readSecretFile(k Setting, variable, path string, p *problems) {
	if _, set := os.LookupEnv(k.Variable); set {
		p.unread(variable, k.Key, "is set twice: also by %s", k.Variable)
		return
	}
	text, err := os.ReadFile(path)
	switch {
	case err != nil:
		p.unread(variable, k.Key, "cannot be read: %s", err)
	case trim(string(text)) == "":
		p.unread(variable, k.Key, "the file is empty")
	default:
		s.viper.Set(k.Key, string(text))
		s.from[k.Key] = variable
	}
}

// emptySecret is the problem of a secret that is set and has no value. As an absent one it could
// start the embedded mode on a new database.
const emptySecret = "is set and empty: set a value, or remove it"

// decode stores the settings in the fields. A secret of only white space is refused. A file may
// have the value "", which latchkey config prints for a secret that is not set.
func (s source) decode(cfg *Config, p *problems) {
	cfg.each(func(key string, field reflect.Value, _ reflect.StructTag) {
		if _, set := s.from[key]; !set {
			return
		}
		raw := s.viper.Get(key)
		wrong := decodeField(raw, field)
		for _, problem := range wrong {
			p.unread(s.from[key], key, "%s", problem)
		}
		if secret, ok := field.Interface().(Secret); ok && secret.Empty() && raw != "" && wrong == nil {
			p.unread(s.from[key], key, emptySecret)
		}
	})
}

// hintFor returns how to write a value: the hint of the hook, or a hint for the type of the
// field. The messages of the library contain Go types and repeat the value.
func hintFor(err error, t reflect.Type) string {
	var h hint
	if errors.As(err, &h) {
		return string(h)
	}
	switch t.Kind() { //nolint:exhaustive // the fields are of these kinds
	case reflect.Bool:
		return "write true or false"
	case reflect.Int:
		return "write a whole number"
	case reflect.Slice:
		return "write a list"
	case reflect.Map:
		return "write pairs as in token_expired=419,token_missing=400"
	}
	return "write it as text"
}

// byOrchestrator reports whether Kubernetes or Docker set a variable for a service named
// latchkey, or latchkey-…: LATCHKEY_SERVICE_HOST, LATCHKEY_PORT=tcp://10.0.0.1:8080,
// LATCHKEY_PORT_8080_TCP_ADDR.
func byOrchestrator(name, value string) bool {
	if strings.HasSuffix(name, "_PORT") && !strings.HasSuffix(name, "_SERVICE_PORT") && !orchestrated.MatchString(name) {
		return address.MatchString(value)
	}
	return orchestrated.MatchString(name)
}

var (
	orchestrated = regexp.MustCompile(`_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_[0-9]+_(TCP|UDP|SCTP)(_PROTO|_PORT|_ADDR)?)$`)
	address      = regexp.MustCompile(`^(tcp|udp|sctp)://`)
)

// didYouMean returns the setting with the most similar name to a misspelt key or variable, if
// there is one.
func didYouMean(name string, known []Setting) string {
	best, distance := "", 4 // at a greater distance it is another word
	for _, k := range known {
		for _, candidate := range []string{k.Key, k.Variable} {
			if d := editDistance(name, candidate); d < distance {
				best, distance = candidate, d
			}
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %s?", best)
}

// editDistance returns how many characters must be added, removed or replaced to turn one text
// into the other.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, diagonal+1, row[j]+1)
		}
	}
	return row[len(b)]
}
