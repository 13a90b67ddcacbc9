package catalog

import "strconv"

// Brand is the look of the product, in mails and on pages.
type Brand struct {
	Name  string
	Color string // #rrggbb, of buttons
	Logo  string // https URL, or empty
}

// Ink returns black or white, whichever contrasts more with the color of the brand.
func (b Brand) Ink() string {
	const black, white = "#000000", "#ffffff"
	if len(b.Color) != len("#rrggbb") {
		return white
	}
	luminance := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(b.Color[1+2*i:3+2*i], 16, 8)
		if err != nil {
			return white
		}
		v := float64(n) / 255
		luminance += weight * v * v // the gamma of sRGB is near 2
	}
	if luminance > 0.2 {
		return black
	}
	return white
}
