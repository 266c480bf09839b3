package config

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// MainFile is the name of the main file within conf.d.
const MainFile = "datakit.conf"

// LoadDir collects the sections of all files "*.conf" below dir, in the order
// of their paths. The main file and folders named .git are left out;
// byte-identical files count once. A bad file, or a bad part of one, is a
// mistake and does not stop the others. A missing dir is empty.
func LoadDir(dir string, env Lookup) (sections []Section, mistakes []error) {
	seen := map[[sha256.Size]byte]bool{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			if !os.IsNotExist(err) {
				mistakes = append(mistakes, fmt.Errorf("read configuration: %w", err))
			}
			return nil
		case entry.IsDir() && entry.Name() == ".git":
			return fs.SkipDir
		case entry.IsDir() || filepath.Ext(path) != ".conf" || path == filepath.Join(dir, MainFile):
			return nil
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("read configuration: %w", err))
			return nil
		}
		if sum := sha256.Sum256(raw); !seen[sum] {
			seen[sum] = true
			found, wrong := ParseSections(path, string(raw), env)
			sections = append(sections, found...)
			mistakes = append(mistakes, wrong...)
		}
		return nil
	})
	if err != nil {
		mistakes = append(mistakes, fmt.Errorf("read configuration: %w", err))
	}
	return sections, mistakes
}

// ParseSections cuts the text of one file, or of the variable
// ENV_DATAKIT_INPUTS, into its sections.
func ParseSections(file, raw string, env Lookup) (sections []Section, mistakes []error) {
	sections, wrong := split(file, strings.ReplaceAll(prepare(raw, env), "\r\n", "\n"))
	return sections, Flatten(join(wrong))
}
