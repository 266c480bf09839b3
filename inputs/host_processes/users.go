package hostprocesses

import (
	"os"
	"strconv"
	"strings"
	"time"

	"datakit.dev/agent/internal/hostfs"
)

// users knows the names of users by number, from the host's /etc/passwd,
// which is read again when it changed.
type users struct {
	names  map[uint64]string
	read   time.Time // modification time of the file
	looked bool
}

// name returns the name of a user; one who is not in the file is his number.
func (u *users) name(uid uint64) string {
	if name, ok := u.names[uid]; ok {
		return name
	}
	return strconv.FormatUint(uid, 10)
}

// refresh reads the file when it is new.
func (u *users) refresh(fs hostfs.Root) error {
	path := fs.Resolve("etc/passwd")
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if u.looked && info.ModTime().Equal(u.read) {
		return nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	u.names, u.read, u.looked = parsePasswd(string(data)), info.ModTime(), true
	return nil
}

// parsePasswd reads passwd(5): "name:password:uid:…". Of several names of one
// number the first counts, as for getpwuid(3).
func parsePasswd(text string) map[uint64]string {
	names := map[uint64]string{}
	for line := range strings.Lines(text) {
		parts := strings.SplitN(line, ":", 4)
		if len(parts) < 4 || parts[0] == "" {
			continue
		}
		uid, err := strconv.ParseUint(parts[2], 10, 32)
		if _, taken := names[uid]; err == nil && !taken {
			names[uid] = parts[0]
		}
	}
	return names
}
