package logs

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("LOGS_TEST_FOLLOW"); dir != "" {
		followForParent(dir)
		return
	}
	goleak.VerifyTestMain(m)
}
