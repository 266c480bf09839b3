//go:build e2e && prove

package e2e

// proving tells that the tests are built for make prove.
const proving = true
