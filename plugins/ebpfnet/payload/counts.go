package payload

import "fmt"

// Counts are what the programs counted, over all CPUs.
type Counts struct {
	Bytes           int64 // what packets take in the ring, headers included
	Lost, LostBytes int64 // packets that found it full, and what they would have taken

	Sockets int64 // TCP connections that were looked at …
	HTTP    int64 // … in which something looks like HTTP …
	Other   int64 // … in which nothing does: they were left
	Marked  int64 // modes changed by Mark

	NoRoom int64 // UDP datagrams beyond MaxFlows

	NoStorage  int64 // packets whose socket took no storage
	Unreadable int64 // packets whose headers or payload could not be read
}

// Counts reads the counters.
func (t *Tap) Counts() (Counts, error) {
	var perCPU []skbCounts
	if err := t.object.Map("counters").Lookup(uint32(0), &perCPU); err != nil {
		return Counts{}, fmt.Errorf("read counters: %w", err)
	}
	var sum [skbCounterCOUNTERS]int64
	for _, cpu := range perCPU {
		for i, n := range cpu.Of {
			sum[i] += int64(n)
		}
	}
	return Counts{
		Bytes: sum[skbCounterCOUNT_BYTES],
		Lost:  sum[skbCounterCOUNT_LOST], LostBytes: sum[skbCounterCOUNT_LOST_BYTES],
		Sockets: sum[skbCounterCOUNT_SOCKETS], HTTP: sum[skbCounterCOUNT_HTTP],
		Other: sum[skbCounterCOUNT_OTHER], Marked: sum[skbCounterCOUNT_MARKED],
		NoRoom:    sum[skbCounterCOUNT_NO_ROOM],
		NoStorage: sum[skbCounterCOUNT_NO_STORAGE], Unreadable: sum[skbCounterCOUNT_UNREADABLE],
	}, nil
}
