package main

import "time"

// fixedNow is the time of the tests.
func fixedNow() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC) }
