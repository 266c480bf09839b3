package ebpfnet

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Numbers of include/uapi/linux/io_uring.h.
const (
	uringOpSend     = 26
	uringOpRecv     = 27
	uringGetEvents  = 1
	uringOffSQ      = 0
	uringOffSQEs    = 0x10000000
	uringSingleMmap = 1 // IORING_FEAT_SINGLE_MMAP, from 5.4
)

// uringParams is struct io_uring_params.
type uringParams struct {
	SQEntries, CQEntries, Flags, Thread, Idle, Features, WQ uint32
	_                                                       [3]uint32
	SQ                                                      struct {
		Head, Tail, Mask, Entries, Flags, Dropped, Array, _ uint32
		_                                                   uint64
	}
	CQ struct {
		Head, Tail, Mask, Entries, Overflow, CQEs, Flags, _ uint32
		_                                                   uint64
	}
}

// uringSQE is the part of struct io_uring_sqe that sending and receiving use.
type uringSQE struct {
	Op, Flags  uint8
	IOPrio     uint16
	FD         int32
	Off, Addr  uint64
	Len, Extra uint32
	User       uint64
	_          [24]byte
}

// uring does one operation at a time.
type uring struct {
	fd    int
	p     uringParams
	rings []byte
	sqes  []byte
}

func newUring() (*uring, error) {
	u := &uring{}
	fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, 1, uintptr(unsafe.Pointer(&u.p)), 0)
	if errno != 0 {
		return nil, fmt.Errorf("io_uring_setup: %w", errno)
	}
	u.fd = int(fd)
	if u.p.Features&uringSingleMmap == 0 {
		return nil, errors.Join(errors.New("io_uring has two rings"), unix.Close(u.fd))
	}
	size := max(u.p.SQ.Array+u.p.SQEntries*4, u.p.CQ.CQEs+u.p.CQEntries*16)
	var err error
	if u.rings, err = unix.Mmap(u.fd, uringOffSQ, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE); err != nil {
		return nil, err
	}
	u.sqes, err = unix.Mmap(u.fd, uringOffSQEs, int(u.p.SQEntries)*int(unsafe.Sizeof(uringSQE{})), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
	return u, err
}

func (u *uring) at(offset uint32) *uint32 { return (*uint32)(unsafe.Pointer(&u.rings[offset])) }

// do sends or receives and returns how many bytes.
func (u *uring) do(op uint8, fd int, buf []byte) (int, error) {
	var pinner runtime.Pinner // the kernel has the address as a number
	pinner.Pin(&buf[0])
	defer pinner.Unpin()
	*(*uringSQE)(unsafe.Pointer(&u.sqes[0])) = uringSQE{
		Op: op, FD: int32(fd), Addr: uint64(uintptr(unsafe.Pointer(&buf[0]))), Len: uint32(len(buf)),
	}
	*u.at(u.p.SQ.Array) = 0
	atomic.AddUint32(u.at(u.p.SQ.Tail), 1)
	head := atomic.LoadUint32(u.at(u.p.CQ.Head))
	// A signal ends the waiting, also when something was submitted.
	for submit := uintptr(1); atomic.LoadUint32(u.at(u.p.CQ.Tail)) == head; submit = 0 {
		_, _, errno := unix.Syscall6(unix.SYS_IO_URING_ENTER, uintptr(u.fd), submit, 1, uringGetEvents, 0, 0)
		if errno != 0 && errno != unix.EINTR {
			return 0, fmt.Errorf("io_uring_enter: %w", errno)
		}
	}
	cqe := u.p.CQ.CQEs + head&*u.at(u.p.CQ.Mask)*16
	result := int32(*u.at(cqe + 8))
	atomic.AddUint32(u.at(u.p.CQ.Head), 1)
	if result < 0 {
		return 0, unix.Errno(-result)
	}
	return int(result), nil
}

// Close ends the ring.
func (u *uring) Close() error {
	return errors.Join(unix.Munmap(u.rings), unix.Munmap(u.sqes), unix.Close(u.fd))
}

// uringFetch makes o.N requests of path o.Kind over one connection, with
// io_uring alone.
func uringFetch(o order, r *answer) error {
	family, to, err := sockaddr(o.Addr)
	if err != nil {
		return err
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.Connect(fd, to); err != nil {
		return err
	}
	u, err := newUring()
	if err != nil {
		return err
	}
	defer u.Close()
	r.Log = map[string]int{}
	request := []byte("GET " + o.Kind + " HTTP/1.1\r\nHost: h\r\n\r\n")
	buf := make([]byte, 64<<10)
	for range o.N {
		if _, err := u.do(uringOpSend, fd, request); err != nil {
			return err
		}
		n, err := u.do(uringOpRecv, fd, buf) // small responses come in one piece
		if err != nil {
			return err
		}
		response, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(buf[:n])), nil)
		if err != nil {
			return err
		}
		response.Body.Close()
		r.Log[fmt.Sprintf("GET %s %d", o.Kind, response.StatusCode)]++
	}
	return nil
}

// TestUring: no system call hook would see these requests.
func TestUring(t *testing.T) {
	w := newWorld(t)
	client, server := w.near.start(t), w.far.start(t)
	watch := observePackets(t, w, nil, []string{"httpflow"})
	n := 1000
	if emulated() {
		n = 50
	}
	s := server.do(order{Do: "http serve", Addr: w.far.addr(false, 0)})
	r := client.try(order{Do: "uring fetch", Addr: s.Addr, Kind: "/ring", N: n})
	if strings.HasPrefix(r.Err, "io_uring_setup") {
		t.Skipf("needs io_uring: %s", r.Err)
	} else if r.Err != "" {
		t.Fatal(r.Err)
	}
	log := server.do(order{Do: "http log", ID: s.ID}).Log
	compare(t, "client and server", r.Log, log)
	watch.report()
	for direction, who := range map[string]*app{outgoing: client, incoming: server} {
		seen, pids := watch.counts(direction, portOf(t, s.Addr))
		compare(t, direction, seen, log)
		compare(t, direction+": owner", pids, map[string]int{owner(t, who.pid): n})
	}
	watch.nothingLost()
}
