package ebpf

// Program is the path of the collector, for an agent whose install folder is
// home.
func (c *Config) Program(home string) string { return program(c.Cmd, home) }
