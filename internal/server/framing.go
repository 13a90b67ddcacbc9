package server

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"

	"latchkey/middleware/problem"
	"latchkey/service"
)

// framing is a connection that detects requests with two lengths: by Content-Length and by
// Transfer-Encoding. A proxy in front may use one length and this server the other, and read
// the rest as another request (RFC 9112 6.1, 11.2). Package net/http removes the first header
// before any handler sees it, so framing checks the bytes.
type framing struct {
	net.Conn
	mixed atomic.Bool

	state   framingState
	line    []byte // the beginning of the current line
	tail    []byte // the end of the current line
	first   bool   // a line of the header was read
	old     bool   // the request is HTTP/1.0, in which net/http ignores Transfer-Encoding
	length  int64  // Content-Length; -1: missing
	chunked bool   // Transfer-Encoding is present
	skip    int64  // remaining bytes of a body or a chunk
}

type framingState int

const (
	inHeader framingState = iota
	inBody
	inChunkSize
	inChunk
	inTrailer
)

// maxLine is the number of bytes kept of a line. The relevant names and values are shorter.
const maxLine = 64

// maxTail is the number of bytes kept of the end of a line: they contain the version of a
// request.
const maxTail = len("HTTP/1.0\r")

// framingListener accepts connections as framing.
type framingListener struct{ net.Listener }

// Accept implements net.Listener.
func (l framingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &framing{Conn: conn, length: -1}, nil
}

// Read implements net.Conn.
func (f *framing) Read(p []byte) (int, error) {
	n, err := f.Conn.Read(p)
	f.scan(p[:n])
	return n, err
}

// scan follows the requests on the connection.
func (f *framing) scan(b []byte) {
	for len(b) > 0 && !f.mixed.Load() {
		if f.state == inBody || f.state == inChunk {
			n := min(f.skip, int64(len(b)))
			b, f.skip = b[n:], f.skip-n
			if f.skip > 0 {
				return
			}
			if f.state == inBody {
				f.next()
			} else {
				f.state = inChunkSize
			}
			continue
		}
		part, rest, whole := bytes.Cut(b, []byte{'\n'})
		for _, c := range part {
			blank := c == ' ' || c == '\t'
			if len(f.line) == maxLine {
				break
			}
			if !blank || !bytes.HasSuffix(f.line, []byte{':'}) { // skip the blanks after the name: there may be any number
				f.line = append(f.line, c)
			}
		}
		f.keepTail(part)
		if b = rest; whole {
			f.endLine(bytes.TrimSuffix(f.line, []byte{'\r'}))
			f.line, f.tail = f.line[:0], f.tail[:0]
		}
	}
}

// keepTail adds a part of a line to the tail. It moves bytes instead of the slice, so that the tail
// keeps its memory.
func (f *framing) keepTail(part []byte) {
	part = part[max(0, len(part)-maxTail):]
	old := f.tail[max(0, len(f.tail)-(maxTail-len(part))):]
	f.tail = append(f.tail[:copy(f.tail, old)], part...)
}

// endLine processes a complete line.
func (f *framing) endLine(line []byte) {
	switch f.state {
	case inHeader:
		f.headerLine(line)
	case inChunkSize:
		size, _, _ := bytes.Cut(line, []byte{';'})
		n, err := strconv.ParseInt(string(bytes.TrimSpace(size)), 16, 62)
		switch {
		case err != nil || n < 0: // the request cannot be followed
			f.mixed.Store(true)
		case n == 0:
			f.state = inTrailer
		default:
			f.state, f.skip = inChunk, n+2 // and the line ending
		}
	case inTrailer:
		if len(line) == 0 {
			f.next()
		}
	case inBody, inChunk:
	}
}

func (f *framing) headerLine(line []byte) {
	if len(line) > 0 {
		name, value, found := bytes.Cut(line, []byte{':'})
		switch {
		case !f.first: // the request line
			f.first, f.old = true, bytes.Contains(f.tail, []byte("HTTP/1.0"))
		case !found:
		case bytes.EqualFold(name, []byte("content-length")):
			n, err := strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 63)
			if err != nil { // the request cannot be followed
				f.mixed.Store(true)
			}
			f.length = n
		case bytes.EqualFold(name, []byte("transfer-encoding")):
			f.chunked = true
		}
		return
	}
	switch {
	case !f.first: // an empty line before a request
	case f.chunked && (f.length >= 0 || f.old):
		f.mixed.Store(true)
	case f.chunked:
		f.state = inChunkSize
	case f.length > 0:
		f.state, f.skip = inBody, f.length
	default:
		f.next()
	}
}

// next starts a request.
func (f *framing) next() {
	f.state, f.first, f.old, f.chunked, f.length = inHeader, false, false, false, -1
}

type framingKey struct{}

// withFraming implements http.Server.ConnContext.
func withFraming(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, framingKey{}, conn)
}

// refuseMixed responds with 400 to a request with two lengths, and closes the connection.
func refuseMixed(next http.Handler) (http.Handler, error) {
	problems, err := problem.New(nil)
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f, ok := r.Context().Value(framingKey{}).(*framing); ok && f.mixed.Load() {
			w.Header().Set("Connection", "close")
			problems.Write(r.Context(), w, service.NewError(service.CodeInvalidRequest,
				"The request has both Content-Length and Transfer-Encoding. Send one of them."))
			return
		}
		next.ServeHTTP(w, r)
	}), nil
}
