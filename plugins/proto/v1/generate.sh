#!/bin/sh
# Generates the Go code of collector.proto. Needs protoc (Debian:
# protobuf-compiler); the two plugins come from internal/tools/go.mod.
set -eu
tool() { go tool -modfile=../../../internal/tools/go.mod -n "$1"; }
protoc \
	--plugin=protoc-gen-go="$(tool protoc-gen-go)" --go_out=. --go_opt=paths=source_relative \
	--plugin=protoc-gen-go-grpc="$(tool protoc-gen-go-grpc)" --go-grpc_out=. --go-grpc_opt=paths=source_relative \
	collector.proto
# The header would carry the patch level of whoever generates; the output does
# not depend on it.
sed -i "/^\/\/[[:space:]-]*protoc  *v[0-9]/d" collector.pb.go collector_grpc.pb.go
