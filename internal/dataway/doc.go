// Package dataway delivers finished blocks to one backend: one HTTP POST per
// call, its reply classified, nothing retried here.
//
//	[]Block payload ──► Client.Post ──┬─ dataway  POST /v1/write/<category>?token=…
//	 (gzip members,                   ├─ influx1  POST /write?db=…&precision=ns
//	  concatenated)                   ├─ influx2  POST /api/v2/write?org=…&bucket=…&precision=ns
//	                                  └─ file     <dir>/<category>-<time>.lp.gz
//	              Reply{Verdict} ◄────┘
//
// Certificates, keys and secrets that come from files are read again when the
// files change; no restart is needed. Secrets never appear in an error.
//
// # What backends make of bad lines
//
// InfluxDB 1.x and 2.x answer 400 (or 422) with "partial write … dropped=N"
// when N points of a body conflict with the type of a field: the others were
// written. Such a reply is [Bad] with Reply.Rejected; delivering the body again
// does no harm, as equal points overwrite themselves. VictoriaMetrics, vmagent
// and Telegraf answer 204 even to lines they cannot parse and skip them:
// nothing in the reply tells. Lines are therefore validated before they enter
// a block.
package dataway
