package catalog_test

import (
	"reflect"
	"strings"
	"testing"

	"latchkey/internal/catalog"
)

func TestPages_EveryTextIsThereWithItsName(t *testing.T) {
	english := reflect.ValueOf(catalog.Pages(catalog.Default))
	for _, locale := range catalog.Locales() {
		page := reflect.ValueOf(catalog.Pages(locale))
		for i := range page.NumField() {
			text, name := page.Field(i).String(), page.Type().Field(i).Name
			if text == "" || strings.Count(text, "{}") != strings.Count(english.Field(i).String(), "{}") {
				t.Errorf("%s: %s is %q", locale, name, text)
			}
			if locale != catalog.Default && text == english.Field(i).String() {
				t.Errorf("%s: %s is not translated", locale, name)
			}
		}
	}
}

func TestMatch(t *testing.T) {
	for header, want := range map[string]string{
		"":                                "en",
		"*":                               "en",
		"de-CH,de;q=0.9,en;q=0.8":         "de",
		"fr,ja;q=0.5":                     "ja",
		"ko-KR":                           "ko",
		"fr-FR,es":                        "en",
		"en-GB,de;q=0.9":                  "en",
		"not a header":                    "en",
		strings.Repeat("ja,", 100) + "ja": "en", // too long to be read
	} {
		if got := catalog.Match(header); got != want {
			t.Errorf("%q: %s, want %s", header, got, want)
		}
	}
}

func TestBrand_InkIsReadable(t *testing.T) {
	for color, want := range map[string]string{"#ffffff": "#000000", "#000000": "#ffffff", "#2456c7": "#ffffff", "#ffd400": "#000000", "": "#ffffff"} {
		if got := (catalog.Brand{Color: color}).Ink(); got != want {
			t.Errorf("%s: %s, want %s", color, got, want)
		}
	}
}
