// What a peer may ask of the codec, each default with its origin. The codec holds no other number of this
// kind.
#pragma once

#include <cstdint>

namespace owind::fastcgi {

struct Limits {
  /// Bytes of one request's PARAMS stream, length prefixes included. Origin: nginx sends at most one record
  /// of 65,535 bytes; four of them leave room for front ends that send several. By default nginx takes 32 KiB
  /// of header lines (large_client_header_buffers 4 8k) and HAProxy 16 KiB.
  std::uint32_t max_params_bytes = 256 * 1024;

  /// Pairs of one request, empty ones included. Origin: ten times Kestrel's and Apache's 100 header fields;
  /// nginx sends 20 parameters beside the header fields.
  std::uint32_t max_params = 1'000;

  /// Bytes of one name. Origin: nginx's large_client_header_buffers, 8 KiB for a whole header line.
  std::uint32_t max_name_bytes = 8 * 1024;

  /// Bytes of one value. Origin: the content of one record, which is all that nginx can send; large values
  /// that are meant to be (client certificates, tickets of single sign-on) reach 16 to 48 KiB.
  std::uint32_t max_value_bytes = 64 * 1024;

  /// Requests active at once on one connection. Origin: RFC 9113 §6.5.2 recommends at least 100 concurrent
  /// streams. nginx uses one; HAProxy as many as FCGI_MAX_REQS announces.
  std::uint32_t max_active_requests = 100;
};

}  // namespace owind::fastcgi
