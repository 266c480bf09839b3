package tls

// library is a way TLS is done, with the functions that are probed.
type library uint8

const (
	openSSL library = iota // and BoringSSL, LibreSSL
	gnuTLS
	goTLS
	libraries
)

func (l library) String() string { return [...]string{"openssl", "gnutls", "go"}[l] }

// function is a symbol of a C library and the programs that run there.
type function struct {
	symbol    string
	enter     string
	leave     string // "": its return does not matter
	arguments int    // up to the last that is looked at
	required  bool   // without it the library is none of ours
}

// functions of C libraries, of the headers ssl.h and gnutls.h. Functions that
// one library has in terms of another are both listed: the outer call counts.
var functions = [...][]function{
	openSSL: {
		{"SSL_read", "ssl_read", "ssl_return", 2, true},
		{"SSL_write", "ssl_write", "ssl_return", 2, true},
		{"SSL_free", "ssl_free", "", 1, true},
		{"SSL_read_ex", "ssl_read_ex", "ssl_return", 4, false},      // 1.1.1
		{"SSL_write_ex", "ssl_write_ex", "ssl_return", 4, false},    // 1.1.1
		{"SSL_write_ex2", "ssl_write_ex2", "ssl_return", 5, false},  // 3.3
		{"SSL_sendfile", "ssl_sendfile", "gnutls_return", 1, false}, // 3.0, where the kernel encrypts
		{"SSL_set_fd", "ssl_set_fd", "", 2, false},
	},
	gnuTLS: {
		{"gnutls_record_recv", "ssl_read", "gnutls_return", 2, true},
		{"gnutls_record_send", "ssl_write", "gnutls_return", 2, true},
		{"gnutls_deinit", "ssl_free", "", 1, true},
		{"gnutls_record_recv_seq", "ssl_read", "gnutls_return", 2, false},
		{"gnutls_record_send2", "ssl_write", "gnutls_return", 2, false}, // 3.6.3
		{"gnutls_transport_set_int2", "ssl_set_fd", "", 2, false},
	},
}

// uprobes are all programs that are attached to files.
var uprobes = []string{
	"ssl_read", "ssl_read_ex", "ssl_write", "ssl_write_ex", "ssl_write_ex2", "ssl_return", "ssl_sendfile", "gnutls_return",
	"ssl_set_fd", "ssl_free",
	"go_copy", "go_read", "go_read_return", "go_write", "go_close",
}
