package tls

// usedBy reports whether a process is known to use a file with probes.
func (f *finder) usedBy(pid uint32) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.users[pid]
}
