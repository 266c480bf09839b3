package main

import (
	"maps"
	"slices"

	"golang.org/x/sys/unix"

	"datakit.dev/agent/inputs"
)

// namedFile is a file that a block names. The device and the number of the
// inode stand for a file: a network namespace that was made anew has the path
// of the old one.
type namedFile struct {
	key, path string
	dev, ino  uint64
	err       error
}

// filesOf looks at the files that a block names.
func filesOf(l layout, in inputConfig) (all []namedFile) {
	names, ok := in.cfg.(inputs.Files)
	if !ok {
		return nil
	}
	byKey := names.Files(l.home)
	for _, key := range slices.Sorted(maps.Keys(byKey)) {
		for _, path := range byKey[key] {
			var st unix.Stat_t
			err := unix.Stat(path, &st)
			all = append(all, namedFile{key, path, st.Dev, st.Ino, err})
		}
	}
	return all
}

// missingFiles says which of the files that a block names are not there.
func missingFiles(l layout, in inputConfig) (mistakes []error) {
	for _, f := range filesOf(l, in) {
		if f.err != nil {
			mistakes = append(mistakes, in.section.Mistake(f.key, f.path+": "+f.err.Error()))
		}
	}
	return mistakes
}
