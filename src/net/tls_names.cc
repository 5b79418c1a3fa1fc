// Texts out of OpenSSL.
#include "src/net/tls_names.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include "src/base/check.h"
#include "src/base/limits.h"

namespace headrace {

std::string tls_error() {
  const unsigned long code = ERR_peek_last_error();
  const char* reason = ERR_reason_error_string(code);
  ERR_clear_error();
  return reason ? reason : "unknown error";
}

std::string subject_of(x509_st* certificate) {
  BIO* text = BIO_new(BIO_s_mem());
  CHECK(text != nullptr);
  X509_NAME_print_ex(text, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
  char* data = nullptr;
  const long size = BIO_get_mem_data(text, &data);
  std::string subject(data, size > 0 ? static_cast<size_t>(size) : 0);
  BIO_free(text);
  return subject.size() <= limits::subject_bytes_max ? subject : std::string();
}

}  // namespace headrace
