package report

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

// A figure of zero, a bar of zero and a name with signs in it give an SVG all the same.
func TestPlotOfOddFigures(t *testing.T) {
	svg := Plot([]bar{
		{Number: "1", What: "none came of none", Direction: AtMost, Met: true},
		{Number: "2", What: "one came of none", Direction: AtMost, Median: 1, Max: 1},
		{Number: "3", What: "none came of <10> & more", Direction: AtLeast, Bar: 10},
		{Number: "10", What: "twice too much", Direction: AtMost, Median: 6, Min: 4, Max: 9, Bar: 3},
	})
	for _, odd := range []string{"NaN", "Inf", "%!"} {
		if strings.Contains(svg, odd) {
			t.Errorf("%s in %s", odd, svg)
		}
	}
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
