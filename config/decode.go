package config

import (
	"net/netip"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

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
	text = trim(text)
	switch to {
	case reflect.TypeFor[string]():
		return unwrap(text)
	case reflect.TypeFor[Secret]():
		plain, err := unwrapSecret(text)
		return NewSecret(plain), err
	case reflect.TypeFor[time.Duration]():
		return ParseDuration(text)
	case reflect.TypeFor[*url.URL](), reflect.TypeFor[url.URL]():
		plain, err := unwrapSecret(text)
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

// trim removes white space and byte order marks around a value: files end in a newline, and
// some editors begin them with a byte order mark.
func trim(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return unicode.IsSpace(r) || r == '\uFEFF' })
}

// unwrap applies one rule to texts, URLs and secrets. White space around the value is removed.
// Quotes around a value are refused: some tools keep the quotes of an env file and some remove
// them, so two replicas could differ. An invisible character at an end is refused, too.
func unwrap(s string) (string, error) {
	s = trim(s)
	first, last := ends(s)
	switch {
	case len(s) > 1 && first == last && (first == '"' || first == '\''):
		return "", hintQuotes
	case strings.ContainsFunc(s, unicode.IsControl):
		return "", hint("has a line break or another control character")
	case unicode.Is(unicode.Cf, first), unicode.Is(unicode.Cf, last):
		return "", hint("has an invisible character at its start or end: remove it")
	}
	return s, nil
}

// unwrapSecret applies the rule for secrets and URLs, which is stricter: it refuses any quote at
// an end, because that may be the rest of a pair.
func unwrapSecret(s string) (string, error) {
	s, err := unwrap(s)
	if err != nil {
		return "", err
	}
	const quotes = "\"'\u2018\u2019\u201c\u201d" // of a shell, and of a word processor
	first, last := ends(s)
	switch opens, closes := strings.ContainsRune(quotes, first), strings.ContainsRune(quotes, last); {
	case opens && closes && len(s) > 1:
		return "", hintQuotes
	case opens || closes:
		return "", hint("has a quote at one end: remove it, or choose a value without it")
	}
	return s, nil
}

// ends returns the first and the last character of a text.
func ends(s string) (first, last rune) {
	first, _ = utf8.DecodeRuneInString(s)
	last, _ = utf8.DecodeLastRuneInString(s)
	return first, last
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
