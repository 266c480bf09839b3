package sdk

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"datakit.dev/agent/internal/config"
	"datakit.dev/agent/internal/limit"
	"datakit.dev/agent/plugins"
)

// resolved is the configuration of the program after block and flags.
type resolved struct {
	config    any
	settings  Settings
	limits    limit.Limits
	factories []plugins.Factory // to run
	tables    map[string]any    // by plugin; decoded
	warnings  []string
}

// resolve decodes doc, one block [[inputs.<name>]] with its tables, lays the
// flags over it and checks everything. source names the block in errors. An
// empty doc stands for the defaults.
func (p Program) resolve(source, doc string, flags []given) (*resolved, error) {
	r := &resolved{config: p.config(), tables: map[string]any{}}
	name, block, err := parseBlock(source, doc)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, f := range p.Plugins {
		if f.Table == nil {
			if _, ok := block[f.Name]; ok {
				delete(block, f.Name)
				errs = append(errs, fmt.Errorf("%s: inputs.%s.%s: this plugin has no table", source, name, f.Name))
			}
			continue
		}
		table := f.Table()
		if values, ok := block[f.Name]; ok {
			delete(block, f.Name)
			errs = append(errs, decode(source, name+"."+f.Name, values, table))
		}
		r.tables[f.Name] = table
	}
	errs = append(errs, decode(source, name, block, r.config))
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if err := p.apply(r.config, flags); err != nil {
		return nil, err
	}
	if v, ok := r.config.(interface{ Validate() error }); ok && len(flags) > 0 {
		if err := v.Validate(); err != nil {
			return nil, err
		}
	}
	r.settings = p.settings(r.config)
	if r.limits, err = limit.Parse(r.settings.CPULimit, r.settings.MemLimit, r.settings.NetLimit); err != nil {
		return nil, err
	}
	return r, r.choose(p)
}

// choose picks the plugins to run. A name that is not linked in is a warning
// as long as another one is: it may belong to a newer program.
func (r *resolved) choose(p Program) error {
	if r.settings.Plugins == nil {
		r.factories = p.Plugins
		return nil
	}
	for _, name := range r.settings.Plugins {
		f, ok := p.factory(name)
		switch {
		case !ok:
			r.warnings = append(r.warnings, fmt.Sprintf("plugin %q is not part of %s %s, which has %s", name, p.Name, p.Version, strings.Join(p.names(), ", ")))
		case !slices.ContainsFunc(r.factories, func(o plugins.Factory) bool { return o.Name == name }):
			r.factories = append(r.factories, f)
		}
	}
	if len(r.factories) == 0 {
		return fmt.Errorf("enabled_plugins: none of %q is part of %s; allowed are %s", r.settings.Plugins, p.Name, strings.Join(p.names(), ", "))
	}
	return nil
}

// parseBlock returns the values of the one block of doc, and its name.
func parseBlock(source, doc string) (name string, block map[string]any, err error) {
	if strings.TrimSpace(doc) == "" {
		return "external", map[string]any{}, nil
	}
	var root map[string]any
	if _, err := toml.Decode(doc, &root); err != nil {
		var syntax toml.ParseError
		if errors.As(err, &syntax) {
			return "", nil, fmt.Errorf("%s:%d: %s", source, syntax.Position.Line, syntax.Message)
		}
		return "", nil, fmt.Errorf("%s: %w", source, err)
	}
	inputs, ok := root["inputs"].(map[string]any)
	if !ok { // the keys of the block alone
		return "external", root, nil
	}
	if len(inputs) != 1 || len(root) != 1 {
		return "", nil, fmt.Errorf("%s: want one block [[inputs.<name>]], got %d", source, len(inputs))
	}
	for n, v := range inputs {
		name = n
		switch v := v.(type) {
		case map[string]any:
			block = v
		case []map[string]any:
			if len(v) == 1 {
				block = v[0]
			}
		}
	}
	if block == nil {
		return "", nil, fmt.Errorf("%s: want one block [[inputs.%s]]", source, name)
	}
	return name, maps.Clone(block), nil
}

// decode moves values into cfg, strictly. What it reads has been written by
// us, so its lines are not those of the user's file and are left out.
func decode(source, name string, values any, cfg any) error {
	table, ok := values.(map[string]any)
	if !ok {
		return fmt.Errorf("%s: inputs.%s: is not a table", source, name)
	}
	var text bytes.Buffer
	if err := toml.NewEncoder(&text).Encode(map[string]any{"inputs": map[string]any{name: table}}); err != nil {
		return fmt.Errorf("%s: %w", source, err)
	}
	section := config.Section{Input: name, File: source, Text: text.String()}
	err := section.Decode(cfg, func(string) (string, bool) { return "", false })
	var errs []error
	for _, e := range config.Flatten(err) {
		var mistake *config.Error
		if errors.As(e, &mistake) {
			mistake.Line = 0
			mistake.Key = strings.ReplaceAll(mistake.Key, `"`, "")
		}
		errs = append(errs, e)
	}
	return errors.Join(errs...)
}
