package hostprocesses

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"datakit.dev/agent/internal/hostfs"
	"datakit.dev/agent/internal/procfs"
)

// listeners finds the ports that processes listen on. It is made for one
// gathering: the sockets of each network namespace are read once.
type listeners struct {
	fs     hostfs.Root
	byName map[string]map[string]int // namespace, inode of the socket: port
}

func newListeners(fs hostfs.Root) *listeners {
	return &listeners{fs: fs, byName: map[string]map[string]int{}}
}

// of returns the TCP ports of a process, sorted. Those of other users'
// processes need privilege.
func (l *listeners) of(pid int) []int {
	dir := l.fs.Proc(strconv.Itoa(pid))
	namespace, err := os.Readlink(dir + "/ns/net")
	if err != nil {
		return nil
	}
	sockets, known := l.byName[namespace]
	if !known {
		sockets = map[string]int{}
		for _, name := range []string{"tcp", "tcp6"} {
			if f, err := os.Open(dir + "/net/" + name); err == nil {
				readListeners(f, sockets)
				_ = f.Close() // only read
			}
		}
		l.byName[namespace] = sockets
	}
	if len(sockets) == 0 {
		return nil
	}
	f, err := os.Open(dir + "/fd")
	if err != nil {
		return nil
	}
	defer f.Close()
	names, _ := f.Readdirnames(-1)
	var ports []int
	for _, name := range names {
		target, err := os.Readlink(dir + "/fd/" + name)
		if err != nil {
			continue
		}
		inode, isSocket := strings.CutPrefix(strings.TrimSuffix(target, "]"), "socket:[")
		if port, ok := sockets[inode]; ok && isSocket {
			ports = append(ports, port)
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

// readListeners adds the listening sockets of /proc/net/tcp or tcp6, see
// proc_net(5), by inode. The kernel shows them before all others, of which
// there may be a million (tcp_get_idx in net/ipv4/tcp_ipv4.c), so the first
// other one ends the reading.
func readListeners(from io.Reader, into map[string]int) {
	lines := bufio.NewScanner(from)
	lines.Scan() // names of the columns
	for lines.Scan() {
		rest := lines.Bytes()
		var words [10][]byte
		for i := range words {
			words[i], rest = procfs.Word(rest)
		}
		if string(words[3]) != "0A" { // TCP_LISTEN
			return
		}
		_, hex, ok := bytes.Cut(words[1], []byte{':'})
		port, err := strconv.ParseUint(string(hex), 16, 16)
		if ok && err == nil && len(words[9]) > 0 {
			into[string(words[9])] = int(port)
		}
	}
}
