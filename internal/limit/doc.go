// Package limit keeps a process within bounds of CPU, memory and network.
//
// A [Watcher] looks at the usage of a process tree once a second and says
// when a limit is exceeded; who uses it decides what follows: an external
// exits, its supervisor kills it. A [Group] is the harder bound of the
// kernel, a cgroup v2, somewhat above the watched limits, for the moments in
// which nobody gets to look.
package limit
