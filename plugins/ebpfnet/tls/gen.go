package tls

// The compiled programs are committed; clang 14 makes the same bytes again.

//go:generate go tool -modfile=../../../internal/tools/go.mod bpf2go -cc clang-14 -strip llvm-strip-14 -target amd64,arm64 -cflags "-O2 -g -Wall -Werror -mcpu=v3" -no-global-types -type segment -type order -type counts -type counter -type kind -type flag -type side -type session -type session_key -type thread calls calls.bpf.c
//go:generate go tool -modfile=../../../internal/tools/go.mod bpf2go -cc clang-14 -strip llvm-strip-14 -target amd64,arm64 -cflags "-O2 -g -Wall -Werror -mcpu=v3" -no-global-types -type goroutine -type reading goTLS gotls.bpf.c
//go:generate go tool -modfile=../../../internal/tools/go.mod bpf2go -cc clang-14 -strip llvm-strip-14 -target amd64,arm64 -cflags "-O2 -g -Wall -Werror -mcpu=v3" -no-global-types binding binding.bpf.c
