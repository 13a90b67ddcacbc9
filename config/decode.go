package config

import (
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"reflect"
	"slices"
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
	case reflect.TypeFor[netip.Prefix]():
		return parsePrefix(text)
	case reflect.TypeFor[CookieTuple]():
		return parseCookieTuple(text)
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

// decodeField stores a value of a file or a variable in a field. It returns every problem as a
// hint: of a list or a map, one for each item that is wrong.
func decodeField(raw any, field reflect.Value) []string {
	switch field.Kind() { //nolint:exhaustive // the other kinds have one value
	case reflect.Slice:
		return decodeList(raw, field)
	case reflect.Map:
		return decodeMap(raw, field)
	}
	d, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{
		Result: field.Addr().Interface(), DecodeHook: mapstructure.DecodeHookFuncType(decodeHook), WeaklyTypedInput: true,
	})
	if err == nil {
		err = d.Decode(raw)
	}
	if err != nil {
		return []string{hintFor(err, field.Type())}
	}
	return nil
}

// decodeList decodes a list of a file, or the text a,b of a variable.
func decodeList(raw any, field reflect.Value) (problems []string) {
	items, ok := raw.([]any)
	if text, isText := raw.(string); isText {
		ok = true
		for _, item := range split(trim(text)) {
			items = append(items, item)
		}
	}
	if !ok {
		return []string{hintFor(nil, field.Type())}
	}
	list := reflect.MakeSlice(field.Type(), len(items), len(items))
	for i, item := range items {
		for _, problem := range decodeField(item, list.Index(i)) {
			problems = append(problems, itemName(i, item)+": "+problem)
		}
	}
	if len(problems) == 0 {
		field.Set(list)
	}
	return problems
}

// decodeMap decodes a map of a file, or the text a=1,b=2 of a variable.
func decodeMap(raw any, field reflect.Value) (problems []string) {
	items, ok := raw.(map[string]any)
	if text, isText := raw.(string); isText {
		ok, items = true, map[string]any{}
		for i, item := range split(trim(text)) {
			key, value, isPair := strings.Cut(item, "=")
			if !isPair {
				problems = append(problems, itemName(i, item)+": "+string(hintPairs))
				continue
			}
			items[key] = value
		}
	}
	if !ok {
		return []string{hintFor(nil, field.Type())}
	}
	m := reflect.MakeMap(field.Type())
	for _, key := range slices.Sorted(maps.Keys(items)) {
		value := reflect.New(field.Type().Elem()).Elem()
		for _, problem := range decodeField(items[key], value) {
			problems = append(problems, nameOf(key)+": "+problem)
		}
		m.SetMapIndex(reflect.ValueOf(key), value)
	}
	if len(problems) == 0 {
		field.Set(m)
	}
	return problems
}

// itemName returns the position of an item in a list, with its text unless that may contain a
// password.
func itemName(i int, item any) string {
	text, ok := item.(string)
	if !ok || len(text) > 80 || strings.Contains(text, "@") {
		return fmt.Sprintf("item %d", i+1)
	}
	return fmt.Sprintf("item %d, %q", i+1, text)
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

// ParseSecret parses the text of a file, or of standard input, with a secret. It applies the rule
// for secrets in settings, and refuses an empty text.
func ParseSecret(text string) (Secret, error) {
	plain, err := unwrapSecret(text)
	if err == nil && plain == "" {
		err = hint("the file is empty")
	}
	return NewSecret(plain), err
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

func split(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\t' || r == '\r' })
}
