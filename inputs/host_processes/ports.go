package hostprocesses

import (
	"bytes"
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
	file   procfs.Reader
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
			if data, err := l.file.Read(dir + "/net/" + name); err == nil {
				parseListeners(data, sockets)
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

// parseListeners adds the listening sockets of the content of /proc/net/tcp
// or tcp6, see proc_net(5), by inode.
func parseListeners(data []byte, into map[string]int) {
	for len(data) > 0 {
		var line []byte
		line, data = procfs.Line(data)
		var words [10][]byte
		for i := range words {
			words[i], line = procfs.Word(line)
		}
		if string(words[3]) != "0A" { // TCP_LISTEN
			continue
		}
		_, hex, ok := bytes.Cut(words[1], []byte{':'})
		port, err := strconv.ParseUint(string(hex), 16, 16)
		if ok && err == nil && len(words[9]) > 0 {
			into[string(words[9])] = int(port)
		}
	}
}
