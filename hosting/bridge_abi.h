/* The boundary between the native server and the managed bridge: two tables of functions, the blocks that they exchange, and
 * nothing else. Plain C, so that a test compiles it as C and a runtime that is not C++ can implement either side.
 *
 * Rules: every struct that crosses starts with its size and only ever grows at the end; arguments are blittable (uint64_t,
 * int32_t, pointer and length); strings are UTF-8 with a length, never NUL-terminated; every function returns an owind_status;
 * nothing is thrown across; no lock is held while the other side is called. Layouts are compared field by field at start-up
 * (owind_layout_entry), then managed.selftest sends a struct with a distinct pattern in each field there and back.
 */
#ifndef OWIND_HOSTING_BRIDGE_ABI_H
#define OWIND_HOSTING_BRIDGE_ABI_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Changes when a function or field changes its meaning; appending does not change it. */
#define OWIND_ABI_VERSION 1

/* What every function of both tables returns. */
typedef int32_t owind_status;
enum {
  OWIND_OK = 0,
  OWIND_WAIT = 1,           /* would block: on_ready follows, once, for this direction */
  OWIND_END = 2,            /* read: the body is complete; nothing was transferred */
  OWIND_CLOSED = -1,        /* the token's request is over (completed, or never existed) */
  OWIND_ABORTED = -2,       /* the peer is gone, or the request was given up: reads and writes fail from now on */
  OWIND_BUSY = -3,          /* another call in the same direction is not finished yet */
  OWIND_INVALID = -4,       /* an argument or a response rule is broken; the text is in the error buffer */
  OWIND_HEADERS_SENT = -5,  /* head: the head was given before */
  OWIND_STALLED = -6,       /* read: the front end stopped sending because the response head was sent (full duplex) */
  OWIND_TOO_MANY_BYTES = -7, /* write: more bytes than the Content-Length that was given */
  OWIND_TIMEOUT = -8,       /* read: no bytes within the body timeout; write: none taken within the write timeout */
  OWIND_REFUSED = -9,       /* blocking: waiting on this thread would stop its shard (--dispatch inline) */
  OWIND_UNSUPPORTED = -10,  /* this server or protocol cannot do it */
  OWIND_FAILED = -11,       /* the other side failed in a way it has logged (start-up: see the error buffer) */
  OWIND_CUT = -12           /* read: the body has ended before the content_length of the block */
};

/* ---- the request block: one contiguous, read-only piece of memory a request ------------------------------------------------ */

/* Offsets count from the first byte of the block. A block is valid from start() until complete() of its token. Its memory is
 * never unmapped: read what you need, then read `generation` again with acquire; if it differs from the one that start() gave,
 * the copy is somebody else's: discard it. */
typedef struct owind_slice {
  uint32_t offset;
  uint32_t length;
} owind_slice;

typedef struct owind_field {
  owind_slice name;  /* as `Accept-Language`: restored from HTTP_ACCEPT_LANGUAGE */
  owind_slice value; /* raw bytes as received */
} owind_field;

/* Slots of owind_request_block.slots; middleware/owin_keys.hpp says which OWIN key each is the value of. An absent value has
 * offset 0 and length 0; an empty one a non-zero offset. */
enum {
  OWIND_SLOT_METHOD = 0,
  OWIND_SLOT_SCHEME = 1,
  OWIND_SLOT_PATH_BASE = 2,
  OWIND_SLOT_PATH = 3,
  OWIND_SLOT_QUERY_STRING = 4,
  OWIND_SLOT_PROTOCOL = 5,
  OWIND_SLOT_REMOTE_IP = 6,
  OWIND_SLOT_REMOTE_PORT = 7,
  OWIND_SLOT_LOCAL_IP = 8,
  OWIND_SLOT_LOCAL_PORT = 9,
  OWIND_SLOT_REQUEST_ID = 10,
  OWIND_SLOT_CLIENT_CERTIFICATE = 11, /* PEM, percent-encoded, as nginx's $ssl_client_escaped_cert */
  OWIND_SLOT_REMOTE_USER = 12,
  OWIND_SLOT_RAW_TARGET = 13, /* REQUEST_URI as received */
  OWIND_SLOT_GATEWAY_ROLE = 14, /* "Responder" or "Authorizer" */
  OWIND_SLOT_CLIENT_VERIFICATION = 15, /* "SUCCESS", or what the front end has against the client certificate */
  OWIND_SLOT_COUNT = 16
};

/* Bits of owind_request_block.flags. */
enum {
  OWIND_REQUEST_IS_LOCAL = 1,      /* the visitor is on this machine (server.IsLocal) */
  OWIND_REQUEST_HAS_NO_BODY = 2,   /* known to be empty: no read is needed */
  OWIND_REQUEST_HEAD = 4,          /* HEAD: body bytes of the response are swallowed */
  OWIND_REQUEST_FASTCGI = 8,       /* came by FastCGI (else HTTP) */
  OWIND_REQUEST_HTTP10 = 16
};

typedef struct owind_request_block {
  uint32_t size;       /* bytes of the whole block, this header included */
  uint32_t generation; /* read with acquire; see above */
  uint32_t flags;
  uint32_t field_count;
  uint32_t fields_offset; /* owind_field[field_count], in the order of arrival; a repeated name stands as often as it came */
  uint32_t reserved;
  int64_t content_length; /* -1: not known */
  owind_slice slots[OWIND_SLOT_COUNT];
} owind_request_block;

/* ---- the response head: built by the managed side, checked and copied inside head() ----------------------------------------- */

/* Followed by `reason_length` bytes of the reason phrase (0: the standard one of the status), then for each field an
 * owind_field_lengths, the bytes of the name and the bytes of the value; no padding anywhere. */
typedef struct owind_response_head {
  uint32_t size; /* bytes of all of it */
  int32_t status;
  uint32_t reason_length;
  uint32_t field_count;
  uint32_t flags; /* OWIND_HEAD_* */
} owind_response_head;

typedef struct owind_field_lengths {
  uint32_t name_length;
  uint32_t value_length;
} owind_field_lengths;

enum {
  OWIND_HEAD_NO_BODY_FOLLOWS = 1, /* the application wrote nothing: Content-Length: 0 is added unless there is one */
  OWIND_HEAD_UNBUFFERED = 2       /* server.DisableResponseBuffering was called */
};

/* ---- enumerations ------------------------------------------------------------------------------------------------------------ */

/* complete(): how the application's Task ended. */
enum {
  OWIND_OUTCOME_COMPLETED = 0,
  OWIND_OUTCOME_FAULTED = 1,   /* an exception (already logged) */
  OWIND_OUTCOME_CANCELLED = 2, /* a cancelled Task */
  OWIND_OUTCOME_ABANDONED = 3  /* never completed: the native side drops the request (tests, shutdown) */
};

/* on_ready(): which directions may go on; bits. */
enum { OWIND_READY_READ = 1, OWIND_READY_WRITE = 2 };

/* on_abort(): why. */
enum {
  OWIND_ABORT_DISCONNECTED = 1, /* the peer closed, reset or aborted */
  OWIND_ABORT_TIMEOUT = 2,      /* --request-timeout, or a body or write timeout */
  OWIND_ABORT_SHUTDOWN = 3,     /* the server stops and will not wait longer */
  OWIND_ABORT_FAILED = 4        /* the response failed after its head */
};

/* start(), on_ready(), on_abort(): bits of `flags`. */
enum {
  OWIND_ENTER_QUEUE = 1 /* queue the work on the runtime's thread pool and return; else run it on the calling thread */
};

/* log(): severity. */
enum { OWIND_LOG_DEBUG = 0, OWIND_LOG_INFO = 1, OWIND_LOG_WARNING = 2, OWIND_LOG_ERROR = 3 };

/* stop(): what ends. */
enum {
  OWIND_STOP_DISPOSE = 0 /* all requests are over: cancel host.OnAppDisposing, wait for its callbacks, flush host.TraceOutput */
};

/* ---- native functions, called by managed code from any thread ------------------------------------------------------------------ */

typedef struct owind_native_table {
  uint32_t size;
  uint32_t abi_version;

  /* Copies up to `length` (1..2^31-1) bytes of the request body. OK: *transferred >= 1. WAIT: on_ready(READ) follows.
   * END, CUT, ABORTED, STALLED, TIMEOUT, BUSY, CLOSED: *transferred = 0. */
  owind_status (*read)(uint64_t token, uint8_t* buffer, int32_t length, int32_t* transferred);

  /* Takes up to `length` bytes of the response body. OK: all were taken. WAIT: *taken (0..length) were, on_ready(WRITE)
   * follows, then offer the rest. The head must have been given. The bytes are copied inside the call. */
  owind_status (*write)(uint64_t token, const uint8_t* bytes, int32_t length, int32_t* taken);

  /* Asks that what was written so far is sent now (it always is; this is the place for protocols that gather). WAIT: part
   * of a file is still being sent; on_ready(WRITE) follows. */
  owind_status (*flush)(uint64_t token);

  /* Gives the response head (owind_response_head). It is checked here (response rules) and copied; INVALID: nothing was
   * taken, the reason is in `error` (UTF-8, cut at error_capacity, *error_length set). */
  owind_status (*head)(uint64_t token, const owind_response_head* head, int32_t length, uint8_t* error,
                       int32_t error_capacity, int32_t* error_length);

  /* The calling thread is about to wait inside a synchronous Read, Write or Flush. */
  owind_status (*blocking)(uint64_t token);

  /* A managed middleware calls on into the native handler behind it. UNSUPPORTED when there is none. */
  owind_status (*next)(uint64_t token);

  /* The application's Task has ended. The last call for a token; later ones answer CLOSED. */
  owind_status (*complete)(uint64_t token, int32_t outcome);

  /* One log record; `token` 0: of no request. Anything in `text` is escaped by the native side. */
  owind_status (*log)(int32_t level, uint64_t token, const uint8_t* text, int32_t length);

  /* Sends `count` bytes of a file from `offset` on behind what was written, without copying them through this process. The
   * native side keeps a descriptor of its own. The head must have been given. WAIT: taken; on_ready(WRITE) follows when all is
   * sent, and flush() says how it went; writes wait until then. OK: nothing of it has to be sent. UNSUPPORTED: write() the
   * bytes. Nothing was taken also with TOO_MANY_BYTES, BUSY, INVALID, ABORTED, CLOSED, FAILED. */
  owind_status (*send_file)(uint64_t token, int32_t descriptor, int64_t offset, int64_t count);
} owind_native_table;

/* What selftest() sends there and back. */
typedef struct owind_selftest {
  uint32_t size;
  int32_t i32;
  uint64_t u64;
  int64_t i64;
  uint8_t* pointer;
  owind_slice slice;
} owind_selftest;

/* ---- managed functions, called by native code ----------------------------------------------------------------------------------- */

typedef struct owind_managed_table {
  uint32_t size;
  uint32_t abi_version;

  /* Loads the application and builds its pipeline. `settings`: `count` pairs, each an owind_field_lengths followed by the bytes
   * of the name and the value. FAILED: the text for the user is in `error`. Called once, before any other. */
  owind_status (*configure)(const uint8_t* settings, int32_t length, int32_t count, uint8_t* error,
                            int32_t error_capacity, int32_t* error_length);

  /* A request begins. First instruction: *entered = 1. */
  owind_status (*start)(uint64_t token, const owind_request_block* block, int32_t flags, int32_t* entered);

  /* A read or write that was answered WAIT may go on (`ready`: OWIND_READY_*). First instruction: *entered = 1. */
  owind_status (*on_ready)(uint64_t token, int32_t ready, int32_t flags, int32_t* entered);

  /* The request was given up: fire owin.CallCancelled, wake waiting reads and writes. First instruction: *entered = 1. */
  owind_status (*on_abort)(uint64_t token, int32_t reason, int32_t flags, int32_t* entered);

  owind_status (*stop)(int32_t what);

  /* Fills *answer with *question, each field through its own type. */
  owind_status (*selftest)(const owind_selftest* question, owind_selftest* answer);
} owind_managed_table;

/* ---- hand-shake --------------------------------------------------------------------------------------------------------------------- */

/* One field of one struct, as the C++ compiler laid it out. `name` as "owind_request_block.flags"; the entry named after the
 * struct alone has its size and offset 0. */
typedef struct owind_layout_entry {
  const uint8_t* name;
  int32_t name_length;
  int32_t offset;
  int32_t size;
} owind_layout_entry;

/* The one argument of the entry point `int32_t Owind.Bootstrap.Initialize(void* args, int32_t size)`. */
typedef struct owind_bootstrap {
  uint32_t size;
  uint32_t abi_version;
  const owind_native_table* native;
  owind_managed_table* managed; /* filled by the bridge; `size` says how much room there is */
  const owind_layout_entry* layout;
  int32_t layout_count;
  int32_t error_capacity;
  uint8_t* error; /* the first difference, or what went wrong */
  int32_t* error_length;
} owind_bootstrap;

#ifdef __cplusplus
}
#endif

#endif
