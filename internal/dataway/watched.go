package dataway

import (
	"bytes"
	"fmt"
	"os"
)

// watched is a file that is read again when it changed. The zero value with a
// path is ready for use; it is not safe for concurrent use.
type watched struct {
	path string
	info os.FileInfo // of the content; nil before the first read
	data []byte
}

// read returns the content of the file. changed tells that it was read anew.
// After an error the next call reads again.
func (w *watched) read() (data []byte, changed bool, err error) {
	info, err := os.Stat(w.path) // before reading: a change in between is seen next time
	if err != nil {
		return nil, false, fmt.Errorf("find %s: %w", w.path, err)
	}
	if w.info != nil && os.SameFile(info, w.info) && info.ModTime().Equal(w.info.ModTime()) && info.Size() == w.info.Size() {
		return w.data, false, nil
	}
	if data, err = os.ReadFile(w.path); err != nil {
		return nil, false, fmt.Errorf("read %s: %w", w.path, err)
	}
	w.info, w.data = info, data
	return data, true, nil
}

// secret is a text from the configuration or from a file, where the file wins.
type secret struct {
	text string
	file watched
}

func newSecret(text, path string) secret {
	return secret{text: text, file: watched{path: path}}
}

// value returns the secret, without the white space around it when it comes
// from a file (editors end files with a newline). With an error comes the
// value read before, if there is one.
func (s *secret) value() (string, error) {
	if s.file.path == "" {
		return s.text, nil
	}
	_, _, err := s.file.read()
	return string(bytes.TrimSpace(s.file.data)), err
}
