//go:build prove

package ebpfnet

// proving tells that the tests are built for make prove.
const proving = true
