// Texts out of OpenSSL: why something failed, whom a certificate names. Private to src/net.
#pragma once

#include <string>

struct x509_st;

namespace headrace {

// The newest error of this thread, in OpenSSL's words; empties the queue.
std::string tls_error();

// RFC 2253, UTF-8 with control characters escaped: "CN=billing,O=Example". Empty: longer than limits::subject_bytes_max.
std::string subject_of(x509_st* certificate);

}  // namespace headrace
