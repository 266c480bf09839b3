// Package config reads the configuration of the agent and of its inputs.
//
//	conf.d/datakit.conf ──► Main ◄── ENV_*            (ReadMain)
//	conf.d/**/*.conf ──► []Section ──┐                (Dir.Load: text only, no input is known here)
//	ENV_DATAKIT_INPUTS ──► []Section ┤
//	ENV_ENABLE_INPUTS ──► []Section ─┴─► Section.Decode(struct with defaults) ◄── ENV_INPUT_<NAME>_*
//
// Everything hangs on the struct an input (or Main) decodes into. Its fields
// hold the defaults and carry the tags:
//
//	toml     the key; "*" on a map[string]any takes the tables without a field
//	help     prose for the sample and the reference; lines separated by \n
//	example  the key is written to the sample as a comment with this value
//	required "true": there is no default; the sample sets the key to its example
//	env      names of environment variables, comma separated, the first that
//	         is set wins: relative to the prefix (ENV_INPUT_<NAME>_ or ENV_),
//	         or absolute when beginning with ENV_; "-" for none; without the
//	         tag the name is the key in upper case
//
// The keys of an embedded struct are those of the struct around it.
//
// Decoding is strict: an unknown key or a bad value is an [Error] that names
// file, line, key and what is allowed. If the struct has a method Validate()
// error, it is called last; an error that begins with "<key>: " is reported
// at the place of that key.
//
// Later settings beat earlier ones: default, file, ENV, command line flag.
package config

// Lookup reads one environment variable, as os.LookupEnv does.
type Lookup func(name string) (value string, ok bool)
