//go:build !prove

package tls

const requests = 4000
