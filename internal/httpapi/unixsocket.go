package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// ErrSocketInUse says that another process answers on a unix socket.
var ErrSocketInUse = errors.New("socket is in use by another process")

// listenUnix listens on a unix socket at path with the given mode. A socket
// that nobody listens on, left by a process that died, is replaced; one that
// answers is not.
//
// Linux makes the file with the mode that the unbound socket has, less the
// umask, so the socket is set to 0600 first: there is no moment in which
// others may connect.
func listenUnix(path string, mode fs.FileMode) (net.Listener, error) {
	if err := claim(path); err != nil {
		return nil, err
	}
	private := net.ListenConfig{Control: func(_, _ string, conn syscall.RawConn) error {
		var err error
		return errors.Join(conn.Control(func(fd uintptr) { err = syscall.Fchmod(int(fd), 0o600) }), err)
	}}
	l, err := private.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, err
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	info, err := os.Lstat(path)
	if err == nil {
		err = os.Chmod(path, mode)
	}
	if err != nil {
		l.Close()
		return nil, err
	}
	return &unixListener{Listener: l, path: path, info: info}, nil
}

// claim makes path free: it removes a socket without a listener.
func claim(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("%s exists and is not a socket", path)
	}
	conn, err := net.DialTimeout("unix", path, time.Second)
	switch {
	case err == nil:
		conn.Close()
		return fmt.Errorf("%s: %w", path, ErrSocketInUse)
	case errors.Is(err, syscall.ECONNREFUSED):
		return os.Remove(path)
	case errors.Is(err, fs.ErrNotExist):
		return nil
	default: // a full backlog is EAGAIN: somebody is there
		return fmt.Errorf("%s: %w: %w", path, ErrSocketInUse, err)
	}
}

// unixListener removes its socket when it is closed. It does so before it
// stops listening: until then nobody else takes the name.
type unixListener struct {
	net.Listener
	path  string
	info  fs.FileInfo
	close sync.Once
}

// Close removes the socket and stops listening. It is idempotent.
func (l *unixListener) Close() (err error) {
	l.close.Do(func() {
		if now, err := os.Lstat(l.path); err == nil && os.SameFile(now, l.info) {
			os.Remove(l.path)
		}
		err = l.Listener.Close()
	})
	return err
}
