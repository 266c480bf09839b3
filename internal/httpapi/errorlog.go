package httpapi

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// maxErrors bounds an ErrorLog; the oldest error makes room. maxErrorText is
// what is kept of one.
const (
	maxErrors    = 100
	maxErrorText = 4096
)

// LastError is the last error that an input, or a program that posts to
// /v1/lasterror, has reported.
type LastError struct {
	Input  string    `json:"input"`
	Source string    `json:"source,omitempty"`
	Text   string    `json:"err_content"`
	Time   time.Time `json:"time"`
	Count  int64     `json:"count"` // how often it was reported since it was last cleared
}

// ErrorLog keeps the last error per input and source, the newest hundred.
// It is safe for concurrent use.
type ErrorLog struct {
	now func() time.Time

	mu   sync.Mutex
	last map[[2]string]LastError
}

// NewErrorLog returns an empty log.
func NewErrorLog(now func() time.Time) *ErrorLog {
	return &ErrorLog{now: now, last: map[[2]string]LastError{}}
}

// Report keeps an error; an empty text clears what input and source reported.
func (l *ErrorLog) Report(input, source, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	input, source = bounded(input, 256), bounded(source, 256)
	key := [2]string{input, source}
	if text == "" {
		delete(l.last, key)
		return
	}
	e := l.last[key]
	if e.Count == 0 && len(l.last) >= maxErrors {
		l.forgetOldest()
	}
	l.last[key] = LastError{Input: input, Source: source, Text: bounded(text, maxErrorText), Time: l.now(), Count: e.Count + 1}
}

func (l *ErrorLog) forgetOldest() {
	var oldest LastError
	for _, e := range l.last {
		if oldest.Count == 0 || e.Time.Before(oldest.Time) {
			oldest = e
		}
	}
	delete(l.last, [2]string{oldest.Input, oldest.Source})
}

// List returns the errors, newest first.
func (l *ErrorLog) List() []LastError {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]LastError, 0, len(l.last))
	for _, e := range l.last {
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b LastError) int {
		if c := b.Time.Compare(a.Time); c != 0 {
			return c
		}
		return strings.Compare(a.Input+"\x00"+a.Source, b.Input+"\x00"+b.Source)
	})
	return list
}

// bounded is a copy of at most n bytes of s, valid UTF-8.
func bounded(s string, n int) string {
	return strings.ToValidUTF8(strings.Clone(s[:min(len(s), n)]), "")
}
