package jose

import (
	"bytes"
	"errors"
)

// Walk parses one JSON object. It refuses repeated members at any depth, names with escapes, and
// text after the object. It calls f with the name and the raw value of each member of the outermost
// object. It checks the structure but not the grammar of numbers and escapes, which a later parser
// checks. Valid JSON has the structure that Walk sees.
func Walk(b []byte, f func(name, value []byte) error) error {
	w := walker{b: b}
	if err := w.object(1, f); err != nil {
		return err
	}
	if w.space(); w.i != len(w.b) {
		return errors.New("data after the object")
	}
	return nil
}

type walker struct {
	b []byte
	i int
}

var errStructure = errors.New("not a JSON object")

// object parses an object at a depth.
func (w *walker) object(depth int, f func(name, value []byte) error) error {
	if !w.take('{') {
		return errStructure
	}
	var names [maxMembers][]byte
	for n := 0; ; n++ {
		if n == 0 && w.take('}') {
			return nil
		}
		if n == maxMembers {
			return errors.New("too many members")
		}
		name, err := w.text()
		if err != nil {
			return err
		}
		if bytes.IndexByte(name, '\\') >= 0 {
			return errors.New("a name with an escape")
		}
		for _, other := range names[:n] {
			if bytes.Equal(other, name) {
				return errors.New("a member appears twice")
			}
		}
		names[n] = name
		if !w.take(':') {
			return errStructure
		}
		w.space()
		start := w.i
		if err := w.value(depth); err != nil {
			return err
		}
		if f != nil {
			if err := f(name, w.b[start:w.i]); err != nil {
				return err
			}
		}
		if w.take('}') {
			return nil
		}
		if !w.take(',') {
			return errStructure
		}
	}
}

// value parses a value of any type, which is never empty.
func (w *walker) value(depth int) error {
	if w.i == len(w.b) {
		return errStructure
	}
	switch w.b[w.i] {
	case '"':
		_, err := w.text()
		return err
	case '{', '[':
		if depth == maxDepth {
			return errors.New("too deep")
		}
		if w.b[w.i] == '{' {
			return w.object(depth+1, nil)
		}
		return w.array(depth + 1)
	}
	start := w.i // number or literal
	for w.i < len(w.b) && bytes.IndexByte([]byte(" \t\r\n,:{}[]\""), w.b[w.i]) < 0 {
		w.i++
	}
	if w.i == start {
		return errStructure
	}
	return nil
}

func (w *walker) array(depth int) error {
	w.i++
	if w.take(']') {
		return nil
	}
	for {
		w.space()
		if err := w.value(depth); err != nil {
			return err
		}
		if w.take(']') {
			return nil
		}
		if !w.take(',') {
			return errStructure
		}
	}
}

// text parses a string and returns it without its quotes. Escapes are not decoded.
func (w *walker) text() ([]byte, error) {
	if !w.take('"') {
		return nil, errStructure
	}
	for start := w.i; w.i < len(w.b); w.i++ {
		switch w.b[w.i] {
		case '\\':
			w.i++ // an escaped character does not end the string
		case '"':
			w.i++
			return w.b[start : w.i-1], nil
		}
	}
	return nil, errStructure
}

// take skips blanks, then reads c if it is the next character.
func (w *walker) take(c byte) bool {
	w.space()
	if w.i < len(w.b) && w.b[w.i] == c {
		w.i++
		return true
	}
	return false
}

func (w *walker) space() {
	for w.i < len(w.b) && (w.b[w.i] == ' ' || w.b[w.i] == '\t' || w.b[w.i] == '\r' || w.b[w.i] == '\n') {
		w.i++
	}
}
