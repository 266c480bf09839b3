package dataway

import "runtime"

// UserAgent returns the value of the header User-Agent in the form the
// gateway knows: datakit-<os>-<arch>/<version>/<host>.
func UserAgent(version, host string) string {
	return "datakit-" + runtime.GOOS + "-" + runtime.GOARCH + "/" + version + "/" + host
}
