package config

import (
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"time"
)

const (
	// envPrefix is the prefix of every variable.
	envPrefix = "LATCHKEY"
	// fileSuffix is the suffix of a variable that names a file with a secret.
	fileSuffix = "_FILE"
)

// Setting is one key with its effective value. Secrets are redacted.
type Setting struct {
	Key      string // database.url
	Variable string // LATCHKEY_DATABASE_URL
	Value    string
	Secret   bool
	FromFile bool // a variable with the suffix _FILE may name a file with the value
}

// Settings returns every setting in the order of the struct.
func (c Config) Settings() []Setting {
	var list []Setting
	c.each(func(key string, field reflect.Value, tag reflect.StructTag) {
		_, secret := field.Interface().(Secret)
		list = append(list, Setting{
			Key: key, Secret: secret, FromFile: secret || tag.Get("from") == "file", Value: show(field.Interface()),
			Variable: envPrefix + "_" + strings.ToUpper(strings.ReplaceAll(key, ".", "_")),
		})
	})
	return list
}

// each calls f with each key and its field, in the order of the struct.
func (c *Config) each(f func(key string, field reflect.Value, tag reflect.StructTag)) {
	sections := reflect.ValueOf(c).Elem()
	for i := range sections.NumField() {
		section, name := sections.Field(i), sections.Type().Field(i).Tag.Get("mapstructure")
		for j := range section.NumField() {
			tag := section.Type().Field(j).Tag
			f(name+"."+tag.Get("mapstructure"), section.Field(j), tag)
		}
	}
}

// show returns a value in the form in which a variable would contain it.
func show(v any) string {
	switch v := v.(type) {
	case *url.URL:
		if v == nil {
			return ""
		}
		shown := *v
		if shown.RawQuery != "" { // it may contain the key of a collector
			shown.RawQuery = redacted
		}
		return shown.Redacted()
	case time.Duration:
		return showDuration(v)
	case map[string]int:
		return strings.ReplaceAll(strings.TrimSuffix(strings.TrimPrefix(fmt.Sprint(v), "map["), "]"), ":", "=")
	}
	if rv := reflect.ValueOf(v); rv.Kind() == reflect.Slice {
		texts := make([]string, rv.Len())
		for i := range texts {
			texts[i] = fmt.Sprint(rv.Index(i).Interface())
		}
		return strings.Join(texts, " ")
	}
	return fmt.Sprint(v)
}
