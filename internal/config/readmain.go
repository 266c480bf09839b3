package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// ReadMain reads datakit.conf and lays ENV_*, and then flags, over it. A flag
// is "key=value" with a dotted key and the text forms of the environment. A file that does not
// exist leaves the defaults. The warnings are about keys that DataKit knows
// and this agent does not; the error joins all mistakes.
func ReadMain(path string, env Lookup, flags ...string) (m *Main, warnings []error, err error) {
	raw, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("read the main configuration: %w", err)
	}
	return ParseMain(path, string(raw), env, flags...)
}

// ParseMain is [ReadMain] for a file that has been read.
func ParseMain(file, raw string, env Lookup, flags ...string) (m *Main, warnings []error, err error) {
	m = DefaultMain()
	text := prepare(raw, env)
	doc, mistake := parse(file, text, 1)
	if mistake != nil {
		return nil, nil, mistake
	}
	b := &binder{file: file, lines: locate(text), ignored: isUnsupported}
	b.table("", doc, structOf(m))
	over := overlay(structOf(m), "ENV_", env)
	over.flags(structOf(m), flags)
	err = b.finish("", m, over)
	warnings = append(warnings, Flatten(join(b.skipped))...)
	if err != nil {
		return nil, warnings, err
	}
	return m, warnings, nil
}
