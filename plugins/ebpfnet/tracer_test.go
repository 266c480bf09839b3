package ebpfnet

import "testing"

func TestSmoke(t *testing.T) {
	tr, err := openTracer(tracerConfig{loopback: true, cgroupMount: "/sys/fs/cgroup/unified"})
	for _, s := range tr.ladder.Status() {
		t.Logf("%+v", s)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	if err := tr.find(); err != nil {
		t.Error(err)
	}
	t.Log(tr.opened(func(r *record) { t.Logf("%v %v %d %s %+v", r.local(), r.remote(), r.Pid, r.process(), r.tcpStateConn) }))
	t.Log(tr.counts())
}
