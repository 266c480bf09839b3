package queue
const writerEnv = "QUEUE_TEST_WRITER"
func runWriter(dir string) int { return 0 }
