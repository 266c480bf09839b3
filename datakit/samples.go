package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/internal/config"
)

// writeSamples puts the samples of this version below conf.d.
func writeSamples(l layout, factories []inputs.Factory) error {
	errs := []error{replace(l.mainFile()+".sample", config.MainSample())}
	for _, f := range factories {
		path := filepath.Join(l.confDir(), f.Catalog, f.Name+".conf.sample")
		errs = append(errs, replace(path, config.Sample(f.Name, f.Help, f.Config())))
	}
	return errors.Join(errs...)
}

// replace writes a file unless it has this content.
func replace(path, content string) error {
	old, err := os.ReadFile(path)
	if err == nil && bytes.Equal(old, []byte(content)) {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("write sample: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write sample: %w", err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		return fmt.Errorf("write sample: %w", err)
	}
	return nil
}
