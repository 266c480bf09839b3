// Package protov1 is the wire protocol between the agent and its external
// collectors. Only plugins/rpc uses it.
package protov1

//go:generate sh generate.sh
