// Package procfs reads the files below /proc that several collectors need:
// CPU times, memory, load, block devices, network interfaces, connection
// tracking, open files. Reading and parsing are apart: a parser takes the
// bytes of a file and does not know where they come from.
//
// The formats are those of proc(5) and of Documentation/filesystems/proc.rst
// and Documentation/admin-guide/iostats.rst of the kernel. Parsers skip what
// they do not know, such as columns of newer kernels.
package procfs
