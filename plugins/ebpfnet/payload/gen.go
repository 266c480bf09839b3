package payload

// The compiled programs are committed; clang 14 makes the same bytes again.

//go:generate go tool -modfile=../../../internal/tools/go.mod bpf2go -cc clang-14 -strip llvm-strip-14 -target amd64,arm64 -cflags "-O2 -g -Wall -Werror -mcpu=v3" -no-global-types -type packet -type endpoint -type flow_key -type flow -type counts -type counter -type kind -type flag -type mode -type side skb packet.bpf.c
//go:generate go tool -modfile=../../../internal/tools/go.mod bpf2go -cc clang-14 -strip llvm-strip-14 -target amd64,arm64 -cflags "-O2 -g -Wall -Werror -mcpu=v3" -no-global-types sock socket.bpf.c
