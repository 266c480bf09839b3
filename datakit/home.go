package main

import (
	"os"
	"path/filepath"

	"datakit.dev/agent/internal/config"
)

// defaultHome is the folder of an installation.
const defaultHome = "/usr/local/datakit"

// layout is where things lie below the home folder.
type layout struct{ home string }

// layout resolves --home: the flag, else the folder of this program when it
// looks like an installation, else /usr/local/datakit.
func (p *program) layout() (layout, error) {
	home := p.home
	if home == "" {
		home = defaultHome
		if exe, err := os.Executable(); err == nil {
			if real, err := filepath.EvalSymlinks(exe); err == nil && isDir(filepath.Join(filepath.Dir(real), "conf.d")) {
				home = filepath.Dir(real)
			}
		}
	}
	home, err := filepath.Abs(home)
	return layout{home}, err
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func (l layout) confDir() string     { return filepath.Join(l.home, "conf.d") }
func (l layout) mainFile() string    { return filepath.Join(l.home, "conf.d", config.MainFile) }
func (l layout) runDir() string      { return filepath.Join(l.home, "run") }
func (l layout) socket() string      { return filepath.Join(l.home, "run", "datakit.sock") }
func (l layout) pidFile() string     { return filepath.Join(l.home, "run", "datakit.pid") }
func (l layout) deadLetters() string { return filepath.Join(l.home, "data", "dead-letter") }
func (l layout) store() string       { return filepath.Join(l.home, "data", "store") }

// path resolves a path of the configuration: a relative one is taken from
// the home folder.
func (l layout) path(configured string) string {
	if filepath.IsAbs(configured) {
		return configured
	}
	return filepath.Join(l.home, configured)
}
