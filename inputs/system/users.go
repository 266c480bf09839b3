package system

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"datakit.dev/agent/internal/hostfs"
)

// countUsers counts the sessions of logged-in users: the records of utmp(5),
// or where there is none, as on systems that dropped it for the year 2038,
// those of systemd-logind.
func countUsers(root hostfs.Root) (uint64, error) {
	for _, name := range []string{"run/utmp", "var/run/utmp"} {
		data, err := os.ReadFile(root.Resolve(name))
		if err == nil {
			return countUtmp(data), nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return 0, err
		}
	}
	sessions, err := filepath.Glob(root.Path("run/systemd/sessions/*"))
	if err != nil {
		return 0, err
	}
	var n uint64
	for _, path := range sessions {
		data, err := os.ReadFile(path)
		if err == nil && isUserSession(string(data)) {
			n++
		}
	}
	return n, nil
}

// Records of utmp on Linux, see utmp(5): struct utmp of glibc has 384 bytes
// where its times have 32 bits (x86), 400 where they have 64 (arm64).
const (
	utmpRecord      = 384
	utmpRecordWide  = 400
	utmpUserProcess = 7
)

// countUtmp counts the records of the type USER_PROCESS.
func countUtmp(data []byte) (n uint64) {
	size := utmpRecord
	if len(data)%utmpRecord != 0 && len(data)%utmpRecordWide == 0 {
		size = utmpRecordWide
	}
	for ; len(data) >= size; data = data[size:] {
		// ut_type in the byte order of the machine; no type exceeds 9.
		if data[0] == utmpUserProcess || data[0] == 0 && data[1] == utmpUserProcess {
			n++
		}
	}
	return n
}

// isUserSession reads the state file of a session of systemd-logind.
func isUserSession(text string) bool {
	user, closing := false, false
	for line := range strings.Lines(text) {
		switch strings.TrimSpace(line) {
		case "CLASS=user", "CLASS=user-early", "CLASS=user-incomplete":
			user = true
		case "STATE=closing":
			closing = true
		}
	}
	return user && !closing
}
