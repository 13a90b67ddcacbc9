package server

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestFraming_ARequestWithTwoLengthsIsRefused sends raw requests, several on a connection and
// in pieces.
func TestFraming_ARequestWithTwoLengthsIsRefused(t *testing.T) {
	address := listen(t)
	const (
		head    = "POST /api/users/logout HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
		plain   = head + "Content-Length: 2\r\n\r\n{}"
		chunked = head + "Transfer-Encoding: chunked\r\n\r\n1;x=y\r\n{\r\n1\r\n}\r\n0\r\nTrailer: x\r\n\r\n"
		both    = head + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
		swapped = head + "transfer-encoding: chunked\r\nCONTENT-LENGTH: 2\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
		get     = "GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Long: "
	)
	const trap = "{\"a\": 1,\r\nContent-Length: 1,\r\nTransfer-Encoding: chunked\r\n\r\n"
	body := strings.Replace(plain, "2\r\n\r\n{}", fmt.Sprintf("%d\r\n\r\n%s", len(trap), trap), 1)
	long := get + strings.Repeat("content-length: transfer-encoding: ", 20) + "\r\n\r\n"
	for name, c := range map[string]struct {
		text    string
		want    []int
		refused bool
	}{
		"a length":                       {plain, []int{204}, false},
		"chunks":                         {chunked, []int{204}, false},
		"chunks, in HTTP/1.0":            {strings.Replace(chunked, "HTTP/1.1", "HTTP/1.0", 1), []int{400}, true},
		"both, the length behind blanks": {strings.Replace(both, "Content-Length: ", "Content-Length:"+strings.Repeat(" ", 100), 1), []int{400}, true},
		"a length behind blanks":         {strings.Replace(plain, "Content-Length: ", "Content-Length:"+strings.Repeat(" ", 100), 1) + plain, []int{204, 204}, false},
		"both":                           {both, []int{400}, true},
		"both, the other way round":      {swapped, []int{400}, true},
		"one after the other":            {plain + chunked + long + plain, []int{204, 204, 200, 204}, false},
		"both, after others":             {plain + chunked + both, []int{204, 204, 400}, true},
		"both, in the name of a body":    {body + plain, []int{400, 204}, false},
		"a value that looks like both":   {long, []int{200}, false},
		"both, as a trailer":             {strings.Replace(chunked, "Trailer: x", "Content-Length: 2", 1), []int{204}, false},
	} {
		for _, size := range []int{1 << 20, 1} {
			t.Run(fmt.Sprint(name, ", in pieces of ", size), func(t *testing.T) {
				conn, err := net.Dial("tcp", address)
				must(t, err)
				defer func() { _ = conn.Close() }()
				_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
				go func() {
					for text := c.text; text != ""; {
						n := min(size, len(text))
						if _, err := io.WriteString(conn, text[:n]); err != nil {
							return
						}
						text = text[n:]
					}
				}()
				r := bufio.NewReader(conn)
				for i, want := range c.want {
					res, err := http.ReadResponse(r, nil)
					must(t, err)
					_, _ = io.Copy(io.Discard, res.Body)
					_ = res.Body.Close()
					refused := c.refused && res.StatusCode == 400 && res.Close // including the requests that were read in the same piece
					if res.StatusCode != want && !refused {
						t.Errorf("request %d: %d, want %d", i, res.StatusCode, want)
					}
					if refused {
						return
					}
				}
				if c.refused {
					t.Error("it was not refused, or the connection stayed open")
				}
			})
		}
	}
}
