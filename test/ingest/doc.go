// Package ingest measures what it costs to take line protocol over HTTP, keep
// it safe and forward it compressed, beside a peer that does the same job.
// Run it with `make prove`.
package ingest
