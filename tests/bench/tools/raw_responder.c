// The limit that every other figure is compared with: one thread, epoll, no library, and nothing but a
// correct FastCGI responder (FastCGI 1.0). Answers GET /big with 64 MiB, any request with a body with the
// body's length, and all else with hello. One request at a time on a connection; no timeouts, no limits: it
// measures, it does not serve.
//
//   raw_responder unix:PATH | HOST:PORT
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
  BEGIN = 1,
  ABORT,
  END,
  PARAMS,
  STDIN,
  STDOUT,
  STDERR,
  DATA,
  GET_VALUES,
  GET_VALUES_RESULT,
  UNKNOWN_TYPE
};
enum { PARAMS_MAX = 65536, CHUNK = 65528, BIG = 64 << 20 };
static const char hello[] =
    "Status: 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, World!";

// One connection and the request on it.
struct conn {
  int fd, active, keep, closing, armed;  // active: a request is open; closing: close once all is written
  uint16_t id;
  uint8_t hdr[8];
  unsigned hn;                 // header of the current record, and how much of it is here
  unsigned content, pad, got;  // bytes left of it; got: content kept in params or small
  uint8_t small[8];            // content of BEGIN_REQUEST
  uint8_t* params;
  unsigned plen;
  uint64_t body, big;  // bytes of STDIN seen, bytes of the big response still to write
  uint8_t* out;
  size_t len, pos, cap;
};
static int ep;
static uint8_t in[1 << 18], chunk[CHUNK];

// Appends to the output, which grows as it has to.
static void put(struct conn* c, const void* p, size_t n) {
  if (c->len + n > c->cap) {
    c->cap = (c->len + n) * 2;
    c->out = realloc(c->out, c->cap);
    if (!c->out) abort();
  }
  memcpy(c->out + c->len, p, n);
  c->len += n;
}
// Appends one record, padded to eight bytes [§3.3].
static void record(struct conn* c, int type, unsigned id, const void* p, unsigned n) {
  unsigned pad = -n & 7;
  uint8_t h[8] = {1, type, id >> 8, id, n >> 8, n, pad, 0};
  static const uint8_t zero[8];
  put(c, h, 8);
  put(c, p, n);
  put(c, zero, pad);
}
// END_REQUEST with a protocol status [§5.5].
static void end(struct conn* c, unsigned id, int status) {
  uint8_t e[8] = {0, 0, 0, 0, status};
  record(c, END, id, e, 8);
}
static void finish(struct conn* c) {
  record(c, STDOUT, c->id, "", 0);
  end(c, c->id, 0);
  c->active = 0;
  if (!c->keep) c->closing = 1;
}
// Walks the name-value pairs; true when DOCUMENT_URI or SCRIPT_NAME is /big.
static int wants_big(const uint8_t* p, const uint8_t* e) {
  int big = 0;
  while (p < e) {
    uint32_t l[2];
    for (int i = 0; i < 2; i++) {
      if (e - p < 1 || (*p & 0x80 && e - p < 4)) return big;
      if (*p & 0x80) {
        l[i] = (p[0] & 0x7fu) << 24 | p[1] << 16 | p[2] << 8 | p[3];
        p += 4;
      } else
        l[i] = *p++;
    }
    if (l[0] > (size_t)(e - p) || l[1] > (size_t)(e - p) - l[0]) return big;
    if (l[1] == 4 &&
        ((l[0] == 12 && !memcmp(p, "DOCUMENT_URI", 12)) || (l[0] == 11 && !memcmp(p, "SCRIPT_NAME", 11))) &&
        !memcmp(p + l[0], "/big", 4))
      big = 1;
    p += l[0] + l[1];
  }
  return big;
}
// All of the request is here: writes the response.
static void respond(struct conn* c) {
  char b[160];
  if (c->body) {
    char n[24];
    int k = sprintf(n, "%llu", (unsigned long long)c->body);
    k = sprintf(b, "Status: 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s", k, n);
    record(c, STDOUT, c->id, b, k);
  } else if (wants_big(c->params, c->params + c->plen)) {
    int k = sprintf(b, "Status: 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n", BIG);
    record(c, STDOUT, c->id, b, k);
    c->big = BIG;
    return;
  } else
    record(c, STDOUT, c->id, hello, sizeof hello - 1);
  finish(c);
}
// FCGI_GET_VALUES [§4.1].
static void get_values(struct conn* c) {
  static const uint8_t v[] =
      "\x0e\x02"
      "FCGI_MAX_CONNS64"
      "\x0d\x02"
      "FCGI_MAX_REQS64"
      "\x0f\x01"
      "FCGI_MPXS_CONNS0";
  record(c, GET_VALUES_RESULT, 0, v, sizeof v - 1);
}
// The record whose header is c->hdr is complete. Returns 0 to drop the connection.
static int complete(struct conn* c) {
  unsigned type = c->hdr[1], id = c->hdr[2] << 8 | c->hdr[3], n = c->hdr[4] << 8 | c->hdr[5];
  if (id == 0) {
    uint8_t u[8] = {type};
    if (type == GET_VALUES)
      get_values(c);
    else
      record(c, UNKNOWN_TYPE, 0, u, 8);
  } else if (type == BEGIN) {
    if (n != 8 || (c->active && id == c->id)) return 0;
    if (c->active)
      end(c, id, 1);  // CANT_MPX_CONN
    else if ((c->small[0] << 8 | c->small[1]) != 1)
      end(c, id, 3);  // UNKNOWN_ROLE
    else {
      c->active = 1;
      c->id = id;
      c->keep = c->small[2] & 1;
      c->plen = 0;
      c->body = 0;
    }
  } else if (c->active && id == c->id && !c->big) {
    if (type == ABORT)
      finish(c);
    else if (type == STDIN && n == 0)
      respond(c);
  }
  return 1;
}
// Bytes of the content of the current record. Returns 0 to drop the connection.
static int content(struct conn* c, const uint8_t* p, unsigned n) {
  unsigned type = c->hdr[1], id = c->hdr[2] << 8 | c->hdr[3];
  if (type == BEGIN) {
    if (c->got < 8) memcpy(c->small + c->got, p, n < 8 - c->got ? n : 8 - c->got);
  } else if (c->active && id == c->id && type == PARAMS) {
    if (c->plen + n > PARAMS_MAX) return 0;
    memcpy(c->params + c->plen, p, n);
    c->plen += n;
  } else if (c->active && id == c->id && type == STDIN)
    c->body += n;
  c->got += n;
  return 1;
}
// Received bytes: whole or partial records. Returns 0 to drop the connection.
static int parse(struct conn* c, const uint8_t* p, size_t n) {
  const uint8_t* e = p + n;
  while (p < e) {
    if (c->hn < 8) {
      unsigned k = 8 - c->hn;
      if (k > e - p) k = e - p;
      memcpy(c->hdr + c->hn, p, k);
      c->hn += k;
      p += k;
      if (c->hn < 8) break;
      if (c->hdr[0] != 1) return 0;
      c->content = c->hdr[4] << 8 | c->hdr[5];
      c->pad = c->hdr[6];
      c->got = 0;
    }
    unsigned k = c->content;
    if (k > e - p) k = e - p;
    if (k && !content(c, p, k)) return 0;
    p += k;
    c->content -= k;
    if (c->content) break;
    k = c->pad;
    if (k > e - p) k = e - p;
    p += k;
    c->pad -= k;
    if (c->pad) break;
    c->hn = 0;
    if (!complete(c)) return 0;
  }
  return 1;
}
// Writes what it can. Returns 0 when the connection is done with.
static int flush(struct conn* c) {
  for (;;) {
    while (c->pos < c->len) {
      ssize_t w = send(c->fd, c->out + c->pos, c->len - c->pos, MSG_NOSIGNAL);
      if (w < 0 && errno == EAGAIN) goto wait;
      if (w < 0) return 0;
      c->pos += w;
    }
    c->pos = c->len = 0;
    if (!c->big) break;
    for (int i = 0; i < 4 && c->big; i++) {
      unsigned n = c->big < CHUNK ? c->big : CHUNK;
      record(c, STDOUT, c->id, chunk, n);
      c->big -= n;
    }
    if (!c->big) finish(c);
  }
wait:;
  int arm = c->pos < c->len;
  if (arm != c->armed) {
    struct epoll_event e = {.events = EPOLLIN | (arm ? EPOLLOUT : 0), .data.ptr = c};
    epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &e);
    c->armed = arm;
  }
  return arm || !c->closing;
}
static void drop(struct conn* c) {
  close(c->fd);
  free(c->params);
  free(c->out);
  free(c);
}
static int listen_on(const char* where) {
  int s, one = 1;
  if (!strncmp(where, "unix:", 5)) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    strncpy(a.sun_path, where + 5, sizeof a.sun_path - 1);
    unlink(a.sun_path);
    s = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (bind(s, (void*)&a, sizeof a)) {
      perror("bind");
      exit(1);
    }
  } else {
    char host[64] = "";
    const char* colon = strrchr(where, ':');
    if (!colon || colon - where > 63) {
      fprintf(stderr, "raw_responder unix:PATH | HOST:PORT\n");
      exit(2);
    }
    memcpy(host, where, colon - where);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(atoi(colon + 1))};
    inet_pton(AF_INET, host, &a.sin_addr);
    s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(s, (void*)&a, sizeof a)) {
      perror("bind");
      exit(1);
    }
  }
  listen(s, 1024);
  return s;
}
int main(int ac, char** av) {
  if (ac < 2) {
    fprintf(stderr, "raw_responder unix:PATH | HOST:PORT\n");
    return 2;
  }
  signal(SIGPIPE, SIG_IGN);
  memset(chunk, 'x', sizeof chunk);
  int s = listen_on(av[1]), one = 1;
  ep = epoll_create1(0);
  struct epoll_event le = {.events = EPOLLIN, .data.ptr = NULL}, ev[256];
  epoll_ctl(ep, EPOLL_CTL_ADD, s, &le);
  for (;;) {
    int n = epoll_wait(ep, ev, 256, -1);
    for (int i = 0; i < n; i++) {
      struct conn* c = ev[i].data.ptr;
      if (!c) {
        for (int fd; (fd = accept4(s, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
          setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
          c = calloc(1, sizeof *c);
          if (!c || !(c->params = malloc(PARAMS_MAX))) abort();
          c->fd = fd;
          struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
          epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
        }
        continue;
      }
      int ok = 1;
      if (ev[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        ssize_t r = recv(c->fd, in, sizeof in, 0);
        ok = r > 0 ? parse(c, in, r) : r < 0 && errno == EAGAIN;
      }
      if (!ok || !flush(c)) drop(c);
    }
  }
}
