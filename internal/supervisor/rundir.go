package supervisor

import (
	"net"
	"os"
	"path/filepath"
	"time"
)

const (
	socketPrefix = "x"
	// maxSocketDir leaves room for the two names go-plugin appends: the
	// address of a unix socket has at most 107 bytes (unix(7)).
	maxSocketDir = 107 - len("/x1234567890/plugin-dir1234567890/plugin1234567890")
	// justMade is how old a folder without a socket must be to be nobody's.
	justMade = time.Minute
)

// socketDir is where sockets go: the run folder, or the system's folder for
// temporary files when the name of the run folder is too long for a socket.
func socketDir(runDir string) string {
	if len(runDir) > maxSocketDir {
		return os.TempDir()
	}
	return runDir
}

// prepareRunDir makes the folder and removes what earlier agents left in it
// when they were killed.
func prepareRunDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	folders, err := filepath.Glob(filepath.Join(dir, socketPrefix+"[0-9]*"))
	if err != nil {
		return err
	}
	for _, folder := range folders {
		if stale(folder) {
			_ = os.RemoveAll(folder) // next time, then
		}
	}
	return nil
}

// stale reports whether nobody answers at any socket of a folder.
func stale(folder string) bool {
	sockets, _ := filepath.Glob(filepath.Join(folder, "plugin-dir*", "plugin*"))
	for _, socket := range sockets {
		conn, err := net.DialTimeout("unix", socket, time.Second)
		if err == nil {
			_ = conn.Close()
			return false
		}
	}
	if len(sockets) > 0 {
		return true
	}
	info, err := os.Stat(folder)
	return err == nil && time.Since(info.ModTime()) > justMade
}
