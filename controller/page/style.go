package page

import (
	"github.com/a-h/templ"
)

// style returns the style element of a page. The style is our own text and is not escaped.
func style(css string) templ.Component { return templ.Raw("<style>" + css + "</style>") }

// described returns the attribute that ties an input to the error on the page.
func described(f frame) templ.Attributes {
	if f.err == "" {
		return nil
	}
	return templ.Attributes{"aria-describedby": "error"}
}
