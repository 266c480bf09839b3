package rpc

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc/credentials"

	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/point"
)

// discard is a sink that is done at once.
type discard struct{ book *ledger.Book }

func (d discard) Put(_ context.Context, b *point.Block) error {
	d.book.Step(b.Accepted)
	return nil
}

// BenchmarkBlocks moves blocks of 1000 points through TLS over a unix socket,
// as go-plugin connects both sides. An operation is one block. The payload is
// incompressible and as long as 1000 netflow points are after gzip.
// cpu-s/Mpoints is the CPU time of both ends.
func BenchmarkBlocks(b *testing.B) {
	const points, payload = 1000, 48 << 10
	bytes := make([]byte, payload)
	_, _ = rand.Read(bytes)
	b.SetBytes(payload)
	b.ReportAllocs()
	credentials := tlsCredentials(b)
	p := connect(b, &child{collect: func(ctx context.Context, out *Outlet) error {
		out.SetCounters(func() Counters { return Counters{} })
		var all sync.WaitGroup
		for w := range 4 {
			all.Go(func() {
				for range b.N/4 + max(0, min(1, b.N%4-w)) {
					blk := &point.Block{Category: point.Network, Encoding: point.Gzip, Points: points, RawBytes: points * 561, Payload: bytes}
					if err := out.Put(ctx, blk); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		all.Wait()
		return nil
	}}, 0, credentials, credentials)
	book := &ledger.Book{}
	tally := &Tally{}
	before := cpuTime(b)
	b.ResetTimer()
	if _, err := p.Collect(b.Context(), discard{book}, book, tally); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	if got := tally.Totals().Accepted; got != int64(b.N)*points {
		b.Fatalf("%d points arrived, want %d", got, b.N*points)
	}
	b.ReportMetric((cpuTime(b)-before).Seconds()/float64(b.N*points)*1e6, "cpu-s/Mpoints")
}

func cpuTime(tb testing.TB) time.Duration {
	tb.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// tlsCredentials makes a certificate both sides present and trust, as
// AutoMTLS does.
func tlsCredentials(tb testing.TB) credentials.TransportCredentials {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		tb.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		RootCAs:      pool, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert, ServerName: "localhost",
	})
}
