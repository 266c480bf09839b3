/*
 * A program that speaks HTTP/1.1 by OpenSSL or BoringSSL, of whichever it is built with:
 *
 *   main client ADDRESS PORT fd|memory REQUESTS...
 *   main server ADDRESS PORT fd|memory CERTIFICATE KEY
 *
 * "memory" lets the library encrypt into memory and sends by itself.
 */
#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct stream {
	SSL *ssl;
	BIO *in, *out; /* NULL: the library has the socket */
	int fd, open;
};

static void need(int ok, const char *what)
{
	if (!ok) {
		perror(what);
		exit(1);
	}
}

static void flush(struct stream *s)
{
	char buf[16384];
	int n;

	while (s->out && (n = BIO_read(s->out, buf, sizeof(buf))) > 0)
		need(write(s->fd, buf, n) == n, "write");
}

/* After a call of the library: is there more to do for it? */
static int again(struct stream *s, int result)
{
	char buf[16384];
	int n;

	flush(s);
	if (result > 0 || !s->in || SSL_get_error(s->ssl, result) != SSL_ERROR_WANT_READ)
		return 0;
	n = read(s->fd, buf, sizeof(buf));
	return n > 0 && BIO_write(s->in, buf, n) == n;
}

static struct stream start(SSL_CTX *ctx, int fd, const char *transport, int client)
{
	struct stream s = {.ssl = SSL_new(ctx), .fd = fd};
	int n;

	if (!strcmp(transport, "memory")) {
		s.in = BIO_new(BIO_s_mem());
		s.out = BIO_new(BIO_s_mem());
		SSL_set_bio(s.ssl, s.in, s.out);
	} else {
		SSL_set_fd(s.ssl, fd);
	}
	do
		n = client ? SSL_connect(s.ssl) : SSL_accept(s.ssl);
	while (again(&s, n));
	need(n > 0 || !client, "handshake");
	s.open = n > 0;
	return s;
}

/* Reads up to the end of a head and body bytes more; 0 at the end of the connection. */
static int message(struct stream *s, int body)
{
	char buf[65536], *end;
	int have = 0, n;

	do {
		do
			n = SSL_read(s->ssl, buf + have, sizeof(buf) - 1 - have);
		while (again(s, n));
		if (n <= 0)
			return 0;
		have += n;
		buf[have] = 0;
		end = strstr(buf, "\r\n\r\n");
	} while (!end || have < end + 4 - buf + body);
	return have;
}

static void say(struct stream *s, const char *text)
{
	int n;

	do
		n = SSL_write(s->ssl, text, strlen(text));
	while (again(s, n));
	need(n > 0, "SSL_write");
}

static void end(struct stream *s)
{
	if (s->open)
		SSL_shutdown(s->ssl);
	flush(s);
	SSL_free(s->ssl);
	close(s->fd);
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1, client;
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());
	struct stream s;
	char request[256];

	need(argc > 5, "arguments");
	client = !strcmp(argv[1], "client");
	inet_pton(AF_INET, argv[2], &at.sin_addr);
	at.sin_port = htons(atoi(argv[3]));
	if (client) {
		need(!connect(fd, (struct sockaddr *)&at, sizeof(at)), "connect");
		s = start(ctx, fd, argv[4], 1);
		for (int i = 0; i < atoi(argv[5]); i++) {
			snprintf(request, sizeof(request), "GET /small%d HTTP/1.1\r\nHost: x\r\n\r\n", i % 5);
			say(&s, request);
			need(message(&s, 5), "answer");
		}
		end(&s);
		return 0;
	}
	need(SSL_CTX_use_certificate_chain_file(ctx, argv[5]) && SSL_CTX_use_PrivateKey_file(ctx, argv[6], SSL_FILETYPE_PEM), "certificate");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	need(!bind(fd, (struct sockaddr *)&at, sizeof(at)) && !listen(fd, 16), "listen");
	for (;;) {
		s = start(ctx, accept(fd, NULL, NULL), argv[4], 0);
		while (s.open && message(&s, 0))
			say(&s, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
		end(&s);
	}
}
