package config

import (
	"net"
	"path/filepath"
	"strconv"
)

// address checks a place to listen at: host:port with a number as port, the
// path of a unix socket where sockets are allowed, or "" for none.
func (c *checker) address(key, value string, socket bool) {
	if value == "" || socket && filepath.IsAbs(value) {
		return
	}
	_, port, err := net.SplitHostPort(value)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	want := "write it like localhost:9529"
	if socket {
		want += " or /run/datakit.sock"
	}
	c.must(err == nil, key, "%q is no address; %s", value, want)
}
