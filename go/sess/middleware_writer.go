package sess

import (
	"bufio"
	"io"
	"net"
	"net/http"
)

// responseWriter is the response of a request behind Middleware. Whatever may send the head of the response adds the
// session's headers first.
type responseWriter request

func (w *responseWriter) begin() { (*request)(w).begin() }

func (w *responseWriter) Header() http.Header { return w.out.Header() }

// WriteHeader sends the head, unless status is that of an informational response, which others follow.
func (w *responseWriter) WriteHeader(status int) {
	if status < 100 || status > 199 || status == http.StatusSwitchingProtocols {
		w.begin()
	}
	w.out.WriteHeader(status)
}

func (w *responseWriter) Write(p []byte) (int, error) {
	w.begin()
	return w.out.Write(p)
}

// WriteString is for io.WriteString.
func (w *responseWriter) WriteString(s string) (int, error) {
	w.begin()
	return io.WriteString(w.out, s)
}

// ReadFrom is for io.Copy, which sends files without copying them.
func (w *responseWriter) ReadFrom(src io.Reader) (int64, error) {
	w.begin()
	if to, ok := w.out.(io.ReaderFrom); ok {
		return to.ReadFrom(src)
	}
	return io.Copy(struct{ io.Writer }{w.out}, src)
}

// Flush is for those that do not know http.ResponseController.
func (w *responseWriter) Flush() { _ = w.FlushError() }

// FlushError is for http.ResponseController, which would go past this writer without it.
func (w *responseWriter) FlushError() error {
	w.begin()
	return http.NewResponseController(w.out).Flush()
}

// Hijack saves and unlocks first: connections live for hours. If that fails the connection is not hijacked, so that
// the handler can still say so.
func (w *responseWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if err := w.session.Close(); err != nil {
		return nil, nil, err
	}
	conn, buf, err := http.NewResponseController(w.out).Hijack()
	if err == nil {
		// Who writes the head by hand can take the session's headers from Header.
		w.begin()
	}
	return conn, buf, err
}

// Push is http.Pusher's.
func (w *responseWriter) Push(target string, opts *http.PushOptions) error {
	pusher, ok := w.out.(http.Pusher)
	if !ok {
		return http.ErrNotSupported
	}
	return pusher.Push(target, opts)
}

// Unwrap is for http.ResponseController, for what the session has nothing to do with.
func (w *responseWriter) Unwrap() http.ResponseWriter { return w.out }
