package nic

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"strconv"
)

// procListening reads the listening sockets of the namespace of the calling
// thread where the kernel has no sock_diag. What IPV6_V6ONLY says is not told
// here: sockets on all IPv6 addresses count for IPv4 too.
func procListening() (*Listeners, error) {
	l := newListeners()
	for _, name := range []string{"tcp", "tcp6"} {
		b, err := os.ReadFile("/proc/thread-self/net/" + name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // without IPv6
		}
		if err != nil {
			return nil, fmt.Errorf("list listening sockets: %w", err)
		}
		l.addTable(b)
	}
	return l, nil
}

// addTable reads a table of proc(5): a heading, then lines of which the second
// field is the local address and the fourth the state. Listening sockets come
// first (tcp4_seq_show of tcp_ipv4.c).
func (l *Listeners) addTable(b []byte) {
	const listen = "0A"
	_, b, _ = bytes.Cut(b, []byte("\n"))
	for line := range bytes.Lines(b) {
		f := bytes.Fields(line)
		if len(f) < 4 || string(f[3]) != listen {
			return
		}
		if local, ok := procAddress(string(f[1])); ok {
			l.add(local, false)
		}
	}
}

// procAddress reads "0100007F:0050": words of the address as the machine
// keeps them, which are in network order in memory; the port in hexadecimal.
func procAddress(s string) (local netip.AddrPort, ok bool) {
	text, portText, _ := bytes.Cut([]byte(s), []byte(":"))
	words, err := hex.DecodeString(string(text))
	if err != nil || len(words)%4 != 0 {
		return local, false
	}
	for i := 0; i < len(words); i += 4 {
		binary.NativeEndian.PutUint32(words[i:], binary.BigEndian.Uint32(words[i:]))
	}
	addr, ok := netip.AddrFromSlice(words)
	port, err := strconv.ParseUint(string(portText), 16, 16)
	return netip.AddrPortFrom(addr, uint16(port)), ok && err == nil
}
