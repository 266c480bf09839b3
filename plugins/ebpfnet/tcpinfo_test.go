package ebpfnet

import (
	"net"

	"golang.org/x/sys/unix"
)

// tcpInfo is what the kernel itself says about a connection (tcp(7),
// TCP_INFO; what `ss -ti` prints).
type tcpInfo struct {
	RTT, RTTVar, Retransmits uint32
}

func readTCPInfo(c *net.TCPConn) (tcpInfo, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return tcpInfo{}, err
	}
	var info *unix.TCPInfo
	var optErr error
	if err := raw.Control(func(fd uintptr) {
		info, optErr = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
	}); err != nil {
		return tcpInfo{}, err
	}
	if optErr != nil {
		return tcpInfo{}, optErr
	}
	return tcpInfo{RTT: info.Rtt, RTTVar: info.Rttvar, Retransmits: info.Total_retrans}, nil
}
