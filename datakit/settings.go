package main

import (
	"errors"
	"fmt"
	"slices"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/internal/config"
)

// settings is everything that was configured, read at one moment.
type settings struct {
	main     *config.Main
	inputs   []inputConfig
	badFiles map[string]bool // files with mistakes; what ran of them goes on after a reload

	warnings []error // known and harmless
	mistakes []error // of inputs; they do not stop the agent
}

// inputConfig is one configured input.
type inputConfig struct {
	factory inputs.Factory
	section config.Section
	cfg     any
}

// readSettings reads the whole configuration. Only a bad main file is an
// error.
func (p *program) readSettings(l layout, factories []inputs.Factory) (*settings, error) {
	s := &settings{badFiles: map[string]bool{}}
	var err error
	s.main, s.warnings, err = config.ReadMain(l.mainFile(), p.env, p.set...)
	if err != nil {
		return nil, err
	}
	sections, mistakes := config.LoadDir(l.confDir(), p.env)
	if text, ok := p.env("ENV_DATAKIT_INPUTS"); ok {
		more, wrong := config.ParseSections("ENV_DATAKIT_INPUTS", text, p.env)
		sections, mistakes = append(sections, more...), append(mistakes, wrong...)
	}
	sections, banned := config.ParseEnabled(s.main.DefaultEnabledInputs).Apply(sections, "default_enabled_inputs")
	for _, b := range banned {
		s.warnings = append(s.warnings, fmt.Errorf("%s: inputs.%s is forbidden by default_enabled_inputs", b.Place(), b.Input))
	}
	sections, warnings, wrong := config.Known(sections, names(factories))
	s.warnings, mistakes = append(s.warnings, warnings...), append(mistakes, wrong...)
	sections, wrong = config.Single(sections, func(input string) bool { return find(factories, input).Singleton })
	mistakes = append(mistakes, wrong...)

	for _, section := range sections {
		f := find(factories, section.Input)
		cfg := f.Config()
		if err := section.Decode(cfg, p.env); err != nil {
			mistakes = append(mistakes, config.Flatten(err)...)
			s.badFiles[section.File] = true // a mistake in a variable counts against each file
			continue
		}
		s.warnings = append(s.warnings, idlePatterns(f, section, cfg)...)
		s.inputs = append(s.inputs, inputConfig{f, section, cfg})
	}
	for _, unknown := range config.UnknownMainEnv(p.environ(), names(factories)) {
		s.warnings = append(s.warnings, unknown)
	}
	for _, name := range names(factories) {
		for _, unknown := range config.UnknownEnv(p.environ(), name, find(factories, name).Config()) {
			s.warnings = append(s.warnings, unknown)
		}
	}
	s.blame(mistakes)
	return s, nil
}

// blame notes mistakes, and the files they are in.
func (s *settings) blame(mistakes []error) {
	for _, m := range mistakes {
		if at := new(config.Error); errors.As(m, &at) {
			s.badFiles[at.File] = true
		}
	}
	s.mistakes = append(s.mistakes, mistakes...)
}

// idlePatterns warns of lists of fields that select nothing.
func idlePatterns(f inputs.Factory, section config.Section, cfg any) (warnings []error) {
	if lists, ok := cfg.(inputs.Selector); ok {
		for _, err := range lists.Selection().Idle(f.Spec) {
			warnings = append(warnings, &config.Error{File: section.File, Line: section.Line, Key: "inputs." + f.Name, Msg: err.Error()})
		}
	}
	return warnings
}

func names(factories []inputs.Factory) (all []string) {
	for _, f := range factories {
		all = append(all, f.Name)
	}
	return all
}

func find(factories []inputs.Factory, name string) inputs.Factory {
	i := slices.IndexFunc(factories, func(f inputs.Factory) bool { return f.Name == name })
	return factories[i]
}
