package tls

import (
	"bytes"
	"path"
	"strings"
)

// mapping is code of a file in the memory of a process.
type mapping struct {
	span string // "7f0a…-7f0b…", its name in /proc/<pid>/map_files
	path string // in the process' own mount namespace
}

// libraryNames are parts of the names of files that hold TLS libraries.
var libraryNames = []string{"libssl", "libgnutls", "boringssl", "libnode."}

// readMaps lists the TLS libraries in the content of /proc/<pid>/maps, see
// proc_pid_maps(5):
//
//	address           perms offset  dev   inode       pathname
//	00400000-00452000 r-xp 00000000 08:02 173521      /usr/bin/dbus-daemon
func readMaps(maps []byte) []mapping {
	var all []mapping
	for line := range bytes.Lines(maps) {
		slash := bytes.IndexByte(line, '/')
		if slash < 0 || !isLibrary(line[slash:]) {
			continue
		}
		fields := bytes.Fields(line[:slash])
		if len(fields) != 5 || len(fields[1]) != 4 || fields[1][2] != 'x' {
			continue
		}
		file := strings.TrimSuffix(strings.TrimSuffix(string(line[slash:]), "\n"), " (deleted)")
		all = append(all, mapping{span: string(fields[0]), path: file})
	}
	return all
}

func isLibrary(file []byte) bool {
	base := path.Base(string(bytes.TrimSpace(file)))
	for _, name := range libraryNames {
		if strings.Contains(base, name) {
			return true
		}
	}
	return false
}
