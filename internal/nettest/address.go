package nettest

import (
	"net"
	"testing"
)

// FreeAddress is an address of loopback, outside of any world, that nothing
// listens on, for a program that has to be told where to listen.
func FreeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return l.Addr().String()
}
