package catalog

import (
	"slices"

	"golang.org/x/text/language"
)

// Default is the locale of a user whose language is unknown or not available.
const Default = "en"

// Locales returns the available locales, the default first.
func Locales() []string { return []string{Default, "de", "ja", "ko"} }

// Known reports whether a locale is available.
func Known(locale string) bool { return slices.Contains(Locales(), locale) }

var matcher = language.NewMatcher([]language.Tag{language.English, language.German, language.Japanese, language.Korean})

// maxAcceptLanguage is the longest header that Match reads, in bytes. Parsing takes time that grows
// with the length.
const maxAcceptLanguage = 200

// Match returns the locale that fits an Accept-Language header best (RFC 9110 12.5.4), or Default.
func Match(acceptLanguage string) string {
	if acceptLanguage == "" || len(acceptLanguage) > maxAcceptLanguage {
		return Default
	}
	tags, _, err := language.ParseAcceptLanguage(acceptLanguage)
	if err != nil {
		return Default
	}
	_, i, confidence := matcher.Match(tags...)
	if confidence == language.No {
		return Default
	}
	return Locales()[i]
}

// Or returns a locale if it is available, otherwise Default.
func Or(locale string) string {
	if Known(locale) {
		return locale
	}
	return Default
}
