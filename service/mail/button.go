package mail

import (
	"github.com/a-h/templ"

	"latchkey/internal/catalog"
)

// button returns the style of a button in the color of the brand, which was checked when the settings
// were read.
func button(b catalog.Brand) templ.Attributes {
	return templ.Attributes{"style": "display: inline-block; padding: 12px 20px; border-radius: 8px; font-weight: 600; text-decoration: none; background: " +
		b.Color + "; color: " + b.Ink() + ";"}
}
