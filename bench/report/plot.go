package report

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// The plot is written without a library: libraries place text by the widths of a font that
// the reader may not have. Here the names end where the bars begin.
const (
	plotRow    = 26.0 // a figure
	plotTop    = 76.0 // title and legend
	plotLength = 420.0
	plotText   = 190.0 // the text to the right of a bar
	plotLetter = 6.9   // an upper bound of the average width of a letter
)

// Readers who do not see red and green can distinguish these colours.
const (
	colourMet    = "#2f6db5"
	colourMissed = "#d55e00"
)

// Plot draws the figures as an SVG, each as a share of its bar. A figure that must be large is
// inverted, so that left of the line is always good.
func Plot(bars []bar) string {
	left := 0.0
	for _, x := range bars {
		left = max(left, float64(len([]rune(x.What)))*plotLetter+50)
	}
	c := chart{left: left, bottom: plotTop + plotRow*float64(len(bars)), scale: plotLength / plotEnd(bars)}
	width, height := left+plotLength+plotText, c.bottom+34
	c.draw(`<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" viewBox="0 0 %[1]g %[2]g" font-family="Helvetica, Arial, sans-serif" font-size="13">`,
		math.Ceil(width), math.Ceil(height))
	c.draw(`<title>The figures as a share of their bars</title><rect width="100%%" height="100%%" fill="#ffffff"/>`)
	c.draw(`<text x="16" y="24" font-size="16" font-weight="bold">Each figure as a share of its bar: left of the line is good</text>`)
	c.draw(`<text x="16" y="44" fill="#555555">Median, from the least to the most of all runs. ≤: figure ÷ bar. ≥, lighter: bar ÷ figure.</text>`)
	c.axis()
	for i, x := range inOrder(bars) {
		c.figure(plotTop+plotRow*float64(i), x)
	}
	c.draw(`<path d="M%.1f %.1fV%.1f" stroke="#000000" stroke-width="2"/>`, c.x(1), plotTop-6, c.bottom)
	c.draw(`</svg>`)
	return c.svg.String()
}

// plotEnd returns the end of the axis. Larger shares are cut off.
func plotEnd(bars []bar) float64 {
	most := 0.0
	for _, x := range bars {
		for _, v := range []float64{x.Min, x.Max} {
			most = max(most, x.share(v))
		}
	}
	return min(max(1.5, math.Ceil(most*2)/2), 2.5)
}

// share returns a figure as a share of its bar. The bar is missed above 1.
func (x bar) share(v float64) float64 {
	above, below := v, x.Bar
	if x.Direction == AtLeast {
		above, below = below, above
	}
	switch {
	case above <= below && below <= 0: // none are allowed, and there was none
		return 0
	case below <= 0:
		return math.Inf(1)
	}
	return max(0, above/below)
}

// chart is an unfinished SVG.
type chart struct {
	svg                 strings.Builder
	left, bottom, scale float64
}

func (c *chart) draw(format string, args ...any) { fmt.Fprintf(&c.svg, format+"\n", args...) }

// x returns the horizontal position of a share.
func (c *chart) x(share float64) float64 { return c.left + min(share*c.scale, plotLength) }

func (c *chart) axis() {
	for i := 0; float64(i)/2*c.scale <= plotLength; i++ {
		share := float64(i) / 2
		c.draw(`<path d="M%.1f %.1fV%.1f" stroke="#dddddd"/>`, c.x(share), plotTop, c.bottom)
		c.draw(`<text x="%.1f" y="%.1f" text-anchor="middle" fill="#555555">%g</text>`, c.x(share), c.bottom+18, share)
	}
	c.draw(`<text x="%.1f" y="%.1f" text-anchor="middle" font-weight="bold">the bar</text>`, c.x(1), plotTop-12)
}

// figure draws a figure: its name, its bar, its whiskers and its value.
func (c *chart) figure(top float64, x bar) {
	colour, opacity, sign, middle := colourMet, 1.0, "≤", top+plotRow/2
	if !x.Met {
		colour = colourMissed
	}
	if x.Direction == AtLeast {
		opacity, sign = .6, "≥"
	}
	median, from, to := x.share(x.Median), c.x(x.share(x.Min)), c.x(x.share(x.Max))
	c.draw(`<text x="%.1f" y="%.1f" text-anchor="end"><tspan font-weight="bold">%s</tspan> · %s</text>`,
		c.left-8, middle+4.5, html.EscapeString(x.Number), html.EscapeString(x.What))
	c.draw(`<rect x="%.1f" y="%.1f" width="%.1f" height="14" fill="%s" fill-opacity="%g"/>`, c.left, middle-7, c.x(median)-c.left, colour, opacity)
	if median*c.scale > plotLength { // the bar is cut off
		c.draw(`<path d="M%.1f %.1fl8 7l-8 7" fill="%s" fill-opacity="%g"/>`, c.left+plotLength, middle-7, colour, opacity)
	}
	c.draw(`<path d="M%.1f %.1fv8m0 -4H%.1fm0 -4v8" stroke="#000000" fill="none"/>`, from, middle-4, to)
	c.draw(`<text x="%.1f" y="%.1f"><tspan font-weight="bold">%s</tspan> (%s %s)<tspan fill="%s" font-weight="bold">%s</tspan></text>`,
		c.left+plotLength+16, middle+4.5, Short(x.Median), sign, Short(x.Bar), colourMissed, map[bool]string{false: " missed"}[x.Met])
}
