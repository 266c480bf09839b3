package http

// Stats counts what was decoded, and by reason what was not, over all
// connections that share it. Plain fields: it belongs to their goroutine.
type Stats struct {
	Segments  int64 // fed
	Exchanges int64 // handed out
	Open      int64 // begun and not handed out: they wait, or go on for long, as event streams do
	NotHTTP   int64 // connections that carry something else

	Repeated  int64 // segments seen before
	Reordered int64 // segments that had to wait for another one
	Gaps      int64 // times bytes never came and decoding went on behind them
	Held      int64 // captured bytes that wait now

	Unanswered int64 // exchanges without a response
	Orphans    int64 // responses without a request
	Overflowed int64 // requests given up because too many were open
	HeadsCut   int64 // heads that go on beyond the capture
	HeadsLost  int64 // heads that begin beyond the capture
	HeadsLong  int64 // heads longer than 32 KiB
	Unparsed   int64 // segments where a head should have begun and did not
	ChunksLost int64 // chunked bodies whose chunk headers lie beyond the capture

	FramesLost    int64 // HTTP/2 frame headers beyond the capture, or damaged: decoding went on at the next segment
	BlocksLost    int64 // header blocks that could not be read: cut, damaged, too long
	FieldsUnknown int64 // header fields that refer to a part of the compression table that was not seen
	PathsUnknown  int64 // requests without path because of that
}
