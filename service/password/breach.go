package password

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // the lists of breached passwords are by SHA-1
	"encoding/hex"
	"errors"
	"fmt"
	"io"
)

// BreachFile is a sorted list of SHA-1 digests of breached passwords, one a line in hex. A line has
// all 40 digits or at least the first 10, and optionally a colon and a count, which is the download
// format of breach services. The file is searched on disk and never loaded into memory.
type BreachFile struct {
	r    io.ReaderAt
	size int64
}

// longestLine is the maximum length of a line in bytes: a digest, a colon and a count.
const longestLine = 64

// shortestPrefix is the minimum number of digits in a line, so that a line matches one password.
const shortestPrefix = 10

// NewBreachFile returns a BreachFile of size bytes. It checks the first line.
func NewBreachFile(r io.ReaderAt, size int64) (*BreachFile, error) {
	f := &BreachFile{r, size}
	line, _, err := f.line(0)
	if err != nil {
		return nil, err
	}
	if !digestLine(line) {
		return nil, fmt.Errorf("its first line is not the SHA-1 digest of a password in hex, at least %d digits", shortestPrefix)
	}
	return f, nil
}

// Has reports whether a password is in the list. It is a binary search by bytes, with about 35
// reads for a list of a billion lines.
func (f *BreachFile) Has(p Password) (bool, error) {
	digest := sha1.Sum([]byte(p.text)) //nolint:gosec // see above
	want := bytes.ToUpper([]byte(hex.EncodeToString(digest[:])))
	low, high := int64(0), f.size // the line starts in [low, high)
	for low < high {
		middle := low + (high-low)/2
		line, start, err := f.line(middle)
		if err != nil {
			return false, err
		}
		switch c := compareDigest(line, want); {
		case len(line) == 0 || start >= high || c > 0:
			high = middle
		case c == 0:
			return true, nil
		default:
			low = start + int64(len(line))
		}
	}
	return false, nil
}

// line returns the first line that starts at or after an offset, with its start. It returns an
// empty line if there is none.
func (f *BreachFile) line(offset int64) ([]byte, int64, error) {
	start := max(0, offset-1) // a line that starts at offset follows a newline
	b := make([]byte, 2*longestLine)
	n, err := f.r.ReadAt(b, start)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, 0, fmt.Errorf("read the breach file: %w", err)
	}
	b = b[:n]
	if offset > 0 {
		_, rest, found := bytes.Cut(b, []byte("\n"))
		if !found {
			if n == 2*longestLine {
				return nil, 0, errors.New("the breach file has a line that is too long")
			}
			return nil, f.size, nil
		}
		start += int64(len(b) - len(rest))
		b = rest
	}
	if end := bytes.IndexByte(b, '\n'); end >= 0 {
		b = b[:end+1]
	}
	return b, start, nil
}

// compareDigest compares the digits that a line has.
func compareDigest(line, want []byte) int {
	digits := len(line)
	for i, c := range line {
		if c == ':' || c == '\r' || c == '\n' {
			digits = i
			break
		}
	}
	digits = min(digits, len(want))
	return bytes.Compare(bytes.ToUpper(line[:digits]), want[:digits])
}

func digestLine(line []byte) bool {
	digits := 0
	for digits < len(line) && bytes.IndexByte([]byte("0123456789abcdefABCDEF"), line[digits]) >= 0 {
		digits++
	}
	return digits >= shortestPrefix && digits <= 40 && (digits == len(line) || bytes.IndexByte([]byte(":\r\n"), line[digits]) >= 0)
}
