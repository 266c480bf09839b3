// Package e2e runs the built binaries against real backends: VictoriaMetrics
// and InfluxDB from the distribution's packages.
//
//	writer ══ POST /v1/write/network ══► datakit run ══► gate ══► victoria-metrics | influxd
//	   │ remembers what was                (killed,      (down,        │
//	   │ acknowledged                     disk full)     503, 429,     │
//	   └──────────── compared with ─────────────────────  cut, 400)    │
//	                 what a query finds  ◄──────────────────────────────┘
//
// The tests need the build tag e2e (make e2e). With the tag prove, or E2E_FULL=1,
// they run at full length (make prove).
package e2e
