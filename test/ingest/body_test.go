//go:build prove

package ingest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
)

const (
	pointsPerBody = 1000
	pointBytes    = 561 // with the newline
)

// makeBodies returns n different bodies of pointsPerBody points each. A point
// looks like a netflow point of a busy host: 20 tags, 7 integer fields, a
// nanosecond timestamp, and is exactly pointBytes long.
func makeBodies(n int) [][]byte {
	rng := rand.New(rand.NewPCG(1, 2))
	bodies := make([][]byte, n)
	for i := range bodies {
		var b bytes.Buffer
		for p := range pointsPerBody {
			start := b.Len()
			writePoint(&b, rng, int64(i*pointsPerBody+p))
			pad := pointBytes - (b.Len() - start)
			if pad < 0 {
				panic(fmt.Sprintf("a point is %d bytes too long", -pad))
			}
			padMeasurement(&b, start, pad)
		}
		bodies[i] = b.Bytes()
	}
	return bodies
}

func writePoint(b *bytes.Buffer, rng *rand.Rand, seq int64) {
	fmt.Fprintf(b, "netflow,direction=%s,dst_domain=svc-%d.prod.example,dst_ip=10.%d.%d.%d,dst_ip_type=private,"+
		"dst_k8s_deployment_name=app-%d,dst_k8s_namespace=prod,dst_k8s_pod_name=app-%d-%x,dst_k8s_service_name=app-%d,dst_port=%d,"+
		"family=IPv4,host=node-17,netns=NS(4:%d),pid=%d,process_name=%s,src_ip=10.1.%d.%d,src_ip_type=private,"+
		"src_k8s_namespace=prod,src_k8s_pod_name=web-%x,src_port=*,transport=tcp",
		[]string{"incoming", "outgoing"}[rng.IntN(2)], rng.IntN(50), rng.IntN(4), rng.IntN(256), rng.IntN(256),
		rng.IntN(50), rng.IntN(50), rng.Uint32(), rng.IntN(50), 1024+rng.IntN(2000),
		4026531840+rng.IntN(20), 1000+rng.IntN(9000), []string{"nginx", "java", "postgres", "envoy"}[rng.IntN(4)],
		rng.IntN(256), rng.IntN(256), rng.Uint32())
	fmt.Fprintf(b, " bytes_read=%di,bytes_written=%di,retransmits=%di,rtt=%di,rtt_var=%di,tcp_closed=%di,tcp_established=%di %d\n",
		rng.IntN(10_000_000), rng.IntN(10_000_000), rng.IntN(5), rng.IntN(9000), rng.IntN(900), rng.IntN(40), rng.IntN(40),
		1_790_000_000_000_000_000+seq*1_000_003)
}

// padMeasurement stretches the host tag of the point that begins at start.
func padMeasurement(b *bytes.Buffer, start, pad int) {
	line := bytes.Clone(b.Bytes()[start:])
	at := bytes.Index(line, []byte("host=node-17")) + len("host=node-17")
	b.Truncate(start)
	b.Write(line[:at])
	b.WriteString("--------------------------------------------------------------------------------"[:pad])
	b.Write(line[at:])
}
