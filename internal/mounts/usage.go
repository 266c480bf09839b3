package mounts

import "golang.org/x/sys/unix"

// Usage is how full a file system is.
type Usage struct {
	Total uint64 // bytes
	Free  uint64 // bytes that everybody may use; root may use more
	Used  uint64 // bytes
	Files uint64 // inodes; 0 where the file system does not count them
	FFree uint64
}

// UsedPercent is what df(1) shows: the share that is used of what is used or
// usable; what is reserved for root counts for neither.
func (u Usage) UsedPercent() float64 { return percent(u.Used, u.Used+u.Free) }

// FilesUsed is the number of inodes in use.
func (u Usage) FilesUsed() uint64 { return u.Files - min(u.FFree, u.Files) }

// FilesUsedPercent is the share of inodes in use.
func (u Usage) FilesUsedPercent() float64 { return percent(u.FilesUsed(), u.Files) }

func percent(part, whole uint64) float64 {
	if whole == 0 {
		return 0
	}
	return 100 * float64(part) / float64(whole)
}

// Statfs asks the kernel, see statfs(2). It may block for as long as a server
// does not answer.
func Statfs(path string) (Usage, error) {
	var s unix.Statfs_t
	for {
		err := unix.Statfs(path, &s)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return Usage{}, err
		}
		break
	}
	size := uint64(s.Frsize)
	if size == 0 {
		size = uint64(s.Bsize)
	}
	return Usage{
		Total: s.Blocks * size, Free: s.Bavail * size, Used: (s.Blocks - min(s.Bfree, s.Blocks)) * size,
		Files: s.Files, FFree: s.Ffree,
	}, nil
}
