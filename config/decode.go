package config

import (
	"net/netip"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/go-viper/mapstructure/v2"
)

// decodeHook converts values of files and variables to the types of the fields. Its errors are
// hints.
func decodeHook(_, to reflect.Type, data any) (any, error) {
	text, ok := data.(string)
	if _, isMap := data.(map[string]any); isMap {
		switch to {
		case reflect.TypeFor[CookieTuple]():
			return nil, hintCookies
		case reflect.TypeFor[netip.Prefix]():
			return nil, hintNetworks
		}
	}
	if !ok {
		switch to {
		case reflect.TypeFor[time.Duration]():
			return nil, hintDuration
		case reflect.TypeFor[Secret](), reflect.TypeFor[*url.URL]():
			return nil, hint("write it as text, in quotes")
		}
		return data, nil
	}
	text = strings.TrimSpace(strings.TrimPrefix(text, "\uFEFF"))
	switch to {
	case reflect.TypeFor[string]():
		return unwrap(text)
	case reflect.TypeFor[Secret]():
		plain, err := unwrap(text)
		return NewSecret(plain), err
	case reflect.TypeFor[time.Duration]():
		return ParseDuration(text)
	case reflect.TypeFor[*url.URL](), reflect.TypeFor[url.URL]():
		plain, err := unwrap(text)
		if err != nil {
			return nil, err
		}
		u, err := url.Parse(plain)
		if err != nil {
			return nil, hint("is not a URL")
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
			return nil, hint("write true or false")
		}
		return b, nil
	case reflect.TypeFor[int]():
		n, err := strconv.Atoi(text)
		if err != nil {
			return nil, hint("write a whole number")
		}
		return n, nil
	}
	return data, nil
}

// decodeField stores a value of a file or a variable in a field.
func decodeField(raw any, field reflect.Value) error {
	d, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{
		Result: field.Addr().Interface(), DecodeHook: mapstructure.DecodeHookFuncType(decodeHook), WeaklyTypedInput: true,
	})
	if err != nil {
		return err
	}
	return d.Decode(raw)
}

// unwrap applies one rule to texts, URLs and secrets. White space around the value is removed,
// because files end in a newline. Quotes around a value are refused: some tools keep the quotes
// of an env file and some remove them, so two replicas could differ.
func unwrap(s string) (string, error) {
	s = strings.TrimSpace(strings.TrimPrefix(s, "\uFEFF"))
	switch {
	case len(s) > 1 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0]:
		return "", hint("has quotes around it: remove them")
	case strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "", hint("has a line break or another control character")
	}
	return s, nil
}

func parsePrefix(s string) (netip.Prefix, error) {
	if p, err := netip.ParsePrefix(s); err == nil {
		return p.Masked(), nil
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, hintNetworks
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

// parseMap parses token_expired=419,token_missing=400.
func parseMap(s string) (map[string]int, error) {
	m := map[string]int{}
	for _, part := range split(s) {
		key, value, _ := strings.Cut(part, "=")
		n, err := strconv.Atoi(value)
		if err != nil {
			return nil, hintPairs
		}
		m[key] = n
	}
	return m, nil
}

func split(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\t' || r == '\r' })
}
