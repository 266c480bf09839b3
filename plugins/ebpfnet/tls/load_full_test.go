//go:build prove

package tls

const requests = 100000
