package logs

import (
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/cespare/xxhash/v2"
)

// link is one file of a chain: a log and its rotated predecessors.
type link struct {
	path  string
	inode uint64
	gzip  bool
}

// chain lists the files of the log at path, oldest first, the log itself
// last. Names shift while a runtime rotates, so it looks until two lists
// agree.
func chain(path string) (links []link, err error) {
	var before []link
	for range 5 {
		if links, err = listChain(path); err != nil {
			return nil, err
		}
		if before != nil && slices.Equal(before, links) {
			break
		}
		before = links
	}
	return links, nil
}

// rotatedName matches what is appended to the names of rotated files: a
// number, 1 for the youngest (Docker, logrotate: "x-json.log.1",
// "x-json.log.2.gz"), or a time (the kubelet: "0.log.20260102-150405", later
// with ".gz"; logrotate with dateext: "x-json.log-20260102",
// "x-json.log-20260102-1767366245").
var rotatedName = regexp.MustCompile(`^(?:\.(\d{1,7})|[.-](\d{8}(?:-\d{1,10})?))(\.gz)?$`)

// listChain looks once.
func listChain(path string) ([]link, error) {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	type rotated struct {
		link
		number int
		time   string
	}
	var all []rotated
	links := []link{}
	for _, e := range entries {
		suffix, ok := strings.CutPrefix(e.Name(), filepath.Base(path))
		if !ok || e.IsDir() {
			continue
		}
		full := filepath.Join(filepath.Dir(path), e.Name())
		info, err := os.Stat(full) // follows links: Kubernetes has some
		if err != nil {
			continue // gone meanwhile: the next list shows it
		}
		l := link{path: full, inode: inode(info)}
		if suffix == "" {
			links = append(links, l)
			continue
		}
		if m := rotatedName.FindStringSubmatch(suffix); m != nil {
			l.gzip = m[3] != ""
			n, _ := strconv.Atoi(m[1]) // none: it has a time
			all = append(all, rotated{link: l, number: n, time: m[2]})
		}
	}
	slices.SortFunc(all, func(a, b rotated) int {
		if a.time != b.time {
			return strings.Compare(a.time, b.time)
		}
		if a.number != b.number {
			return b.number - a.number
		}
		return strings.Compare(a.path, b.path)
	})
	chain := make([]link, 0, len(all)+1)
	for i, r := range all {
		// While it compresses, the kubelet has a file twice.
		if r.gzip && i > 0 && !all[i-1].gzip && all[i-1].path+".gz" == r.path {
			continue
		}
		chain = append(chain, r.link)
	}
	return append(chain, links...), nil
}

func inode(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Ino
	}
	return 0
}

// maxHead is how much of a file its fingerprint covers: in the formats with
// times these bytes are unique.
const maxHead = 256

// head returns the first bytes of a file, at most n, as they were before
// compression.
func (l link) head(n int) ([]byte, error) {
	r, err := l.open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	head := make([]byte, n)
	got, err := io.ReadFull(r, head)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return head[:got], err
}

// is reports whether l has the fingerprint of p.
func (l link) is(p position) bool {
	head, err := l.head(p.Head)
	return err == nil && len(head) == p.Head && xxhash.Sum64(head) == p.Sum
}

// find returns where in a chain the file of p is, -1 when it is gone.
func find(links []link, p position) int {
	for i, l := range links {
		if !l.gzip && l.inode == p.Inode && l.is(p) {
			return i
		}
	}
	if p.Head == 0 {
		return -1
	}
	return slices.IndexFunc(links, func(l link) bool { return l.is(p) })
}

// open opens the file for reading from its beginning.
func (l link) open() (io.ReadCloser, error) {
	f, err := os.Open(l.path)
	if err != nil || !l.gzip {
		return f, err
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &unzipped{z, f}, nil
}

// unzipped closes the file below.
type unzipped struct {
	*gzip.Reader
	file *os.File
}

// Close implements [io.Closer].
func (u *unzipped) Close() error { return errors.Join(u.Reader.Close(), u.file.Close()) }
