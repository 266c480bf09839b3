package sdk

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// given is a flag that was set on the command line.
type given struct{ name, value string }

// record makes fs remember in *all what is set, in order, so that it can be
// set again over a configuration that arrives later.
func record(fs *flag.FlagSet, all *[]given) {
	fs.VisitAll(func(f *flag.Flag) { f.Value = recorder{f.Value, f.Name, kindOf(f), all} })
}

// kindOf is the placeholder of a flag's value in the help text.
func kindOf(f *flag.Flag) string {
	switch f.Value.(type) {
	case list:
		return "list"
	case tags:
		return "tags"
	}
	kind, _ := flag.UnquoteUsage(f)
	if kind == "" {
		return "bool"
	}
	return kind
}

type recorder struct {
	flag.Value
	name string
	kind string
	all  *[]given
}

// Type names the kind of value in the help text; cobra's flags ask for it.
func (r recorder) Type() string { return r.kind }

// Set implements [flag.Value].
func (r recorder) Set(text string) error {
	if err := r.Value.Set(text); err != nil {
		return err
	}
	*r.all = append(*r.all, given{r.name, text})
	return nil
}

// IsBoolFlag lets "--flag" stand for "--flag=true".
func (r recorder) IsBoolFlag() bool {
	b, ok := r.Value.(interface{ IsBoolFlag() bool })
	return ok && b.IsBoolFlag()
}

// bind returns the program's flags, bound to cfg. Each name works with - and
// with _ between its words.
func (p Program) bind(cfg any) *flag.FlagSet {
	fs := flag.NewFlagSet(p.Name, flag.ContinueOnError)
	if p.Flags != nil {
		p.Flags(fs, cfg)
	}
	fs.VisitAll(func(f *flag.Flag) {
		if other := strings.ReplaceAll(f.Name, "-", "_"); fs.Lookup(other) == nil {
			fs.Var(f.Value, other, "")
		}
	})
	return fs
}

// apply lays the given flags over cfg.
func (p Program) apply(cfg any, all []given) error {
	fs := p.bind(cfg)
	for _, g := range all {
		if err := fs.Set(g.name, g.value); err != nil {
			return fmt.Errorf("flag --%s: %w", g.name, err)
		}
	}
	return nil
}

// List is a flag that holds a comma-separated list: sdk.List(&cfg.Plugins).
func List(to *[]string) flag.Value { return list{to} }

type list struct{ to *[]string }

// String implements [flag.Value].
func (l list) String() string {
	if l.to == nil {
		return ""
	}
	return strings.Join(*l.to, ",")
}

// Set implements [flag.Value].
func (l list) Set(text string) error {
	*l.to = []string{}
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			*l.to = append(*l.to, item)
		}
	}
	return nil
}

// Tags is a flag that holds tags, "a=b,c=d": sdk.Tags(&cfg.Tags).
func Tags(to *map[string]string) flag.Value { return tags{to} }

type tags struct{ to *map[string]string }

// String implements [flag.Value].
func (t tags) String() string {
	if t.to == nil {
		return ""
	}
	var items []string
	for _, k := range slices.Sorted(maps.Keys(*t.to)) {
		items = append(items, k+"="+(*t.to)[k])
	}
	return strings.Join(items, ",")
}

// Set implements [flag.Value]. Semicolons separate too: that is what the
// agent used to send.
func (t tags) Set(text string) error {
	m := map[string]string{}
	for item := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == ';' }) {
		key, value, found := strings.Cut(strings.TrimSpace(item), "=")
		if !found || key == "" || value == "" {
			return fmt.Errorf("%q is not key=value", item)
		}
		m[key] = value
	}
	*t.to = m
	return nil
}
