// Package all lists the inputs that are linked into datakit.
package all

import (
	"datakit.dev/agent/inputs"
	"datakit.dev/agent/inputs/container"
	"datakit.dev/agent/inputs/cpu"
	"datakit.dev/agent/inputs/disk"
	"datakit.dev/agent/inputs/diskio"
	"datakit.dev/agent/inputs/ebpf"
	"datakit.dev/agent/inputs/external"
	hostprocesses "datakit.dev/agent/inputs/host_processes"
	"datakit.dev/agent/inputs/hostobject"
	"datakit.dev/agent/inputs/mem"
	"datakit.dev/agent/inputs/net"
	"datakit.dev/agent/inputs/swap"
	"datakit.dev/agent/inputs/system"
)

// Factories returns the inputs, one line each.
func Factories() []inputs.Factory {
	return []inputs.Factory{
		container.Factory(),
		cpu.Factory(),
		disk.Factory(),
		diskio.Factory(),
		ebpf.Factory(),
		external.Factory(),
		hostprocesses.Factory(),
		hostobject.Factory(),
		mem.Factory(),
		net.Factory(),
		swap.Factory(),
		system.Factory(),
	}
}
