// Package pcap reads and writes capture files: pcap in all its byte orders
// and resolutions (draft-ietf-opsawg-pcap), and pcapng
// (draft-ietf-opsawg-pcapng), both also compressed by gzip.
//
//	file ── Reader ──► Record ── packet.Decoder ──► connection tracking
//	                     ▲ its data is part of the reader's buffer
//	rings ── Writer ─────┘ always pcapng: interfaces, directions, drops
//
// A file that ends in the middle of a record, as a killed tcpdump leaves it,
// is read up to there and then reported. Nothing in a file makes the reader
// take more memory than one record may have.
package pcap
