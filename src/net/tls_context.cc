// Files to an SSL_CTX.
#include "src/net/tls_context.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>

#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>

#include "src/base/check.h"
#include "src/net/tls_names.h"

namespace headrace {
namespace {

constexpr char ciphers_of_1_2[] =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr char groups[] = "X25519:P-256:P-384";
constexpr char signatures[] =
    "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ed25519:RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:"
    "RSA+SHA256:RSA+SHA384:RSA+SHA512";

Problem bad_file(std::string_view setting, const std::string& path, const std::string& why) {
  return {Error::bad_configuration, "tls." + std::string(setting), path + ": " + why};
}

bool readable(const std::string& path) { return std::ifstream(path).good(); }

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// A key under a password would make a server ask at the terminal, at every reload.
int no_password(char*, int, int, void*) { return 0; }

int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                    unsigned in_size, void*) {
  static constexpr unsigned char http11[] = "\x08http/1.1";
  for (unsigned at = 0; at < in_size; at += in[at] + 1u) {
    if (in[at] + 1u > in_size - at) break;
    if (in[at] != http11[0] || std::memcmp(in + at, http11, sizeof http11 - 1) != 0) continue;
    *out = in + at + 1;
    *out_size = in[at];
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;  // RFC 7301 3.2
}

bool use(const TicketKeys::Key& key, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, bool sealing) {
  char digest[] = "SHA256";
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, const_cast<uint8_t*>(key.mac.data()), key.mac.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()};
  return EVP_MAC_CTX_set_params(mac, parameters) == 1 &&
         EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key.cipher.data(), iv, sealing) == 1;
}

// As SSL_CTX_set_tlsext_ticket_key_evp_cb(3) has it: 0 is no such key, 2 a ticket to be renewed.
int ticket_key(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, int sealing) {
  auto& keys = *static_cast<TicketKeys*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  if (sealing != 0) {
    auto key = keys.current();
    if (!key || RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1) return -1;
    std::memcpy(name, key->name.data(), key->name.size());
    return use(*key, iv, cipher, mac, true) ? 1 : -1;
  }
  TicketKeys::Name wanted;
  std::memcpy(wanted.data(), name, wanted.size());
  bool renew = false;
  auto key = keys.find(wanted, renew);
  if (!key) return 0;
  return !use(*key, iv, cipher, mac, false) ? -1 : renew ? 2 : 1;
}

Micros wall_of(const ASN1_TIME* time) {
  tm parts = {};
  return ASN1_TIME_to_tm(time, &parts) == 1 ? timegm(&parts) * second_us : 0;
}

}  // namespace

TlsContext::TlsContext(std::shared_ptr<TicketKeys> tickets)
    : context_(SSL_CTX_new(TLS_server_method())), tickets_(std::move(tickets)) {
  CHECK(context_ != nullptr);
  CHECK(SSL_CTX_set_min_proto_version(context_, TLS1_2_VERSION) == 1);
  SSL_CTX_set_options(context_, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                    SSL_OP_PRIORITIZE_CHACHA);
  // An idle connection holds no buffers of records.
  SSL_CTX_set_mode(context_, SSL_MODE_RELEASE_BUFFERS);
  CHECK(SSL_CTX_set_cipher_list(context_, ciphers_of_1_2) == 1);
  CHECK(SSL_CTX_set1_groups_list(context_, groups) == 1);
  CHECK(SSL_CTX_set1_sigalgs_list(context_, signatures) == 1);
  SSL_CTX_set_alpn_select_cb(context_, choose_protocol, nullptr);
  SSL_CTX_set_default_passwd_cb(context_, no_password);
  SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_timeout(context_, static_cast<long>(limits::ticket_lifetime_us / second_us));
  SSL_CTX_set_app_data(context_, tickets_.get());
  CHECK(SSL_CTX_set_tlsext_ticket_key_evp_cb(context_, ticket_key) == 1);
  SSL_CTX_set_max_cert_list(context_, static_cast<long>(limits::client_chain_bytes_max));
  SSL_CTX_set_verify_depth(context_, limits::client_chain_depth_max);
}

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

Result<> TlsContext::read_certificate(const TlsFiles& files) {
  ERR_clear_error();
  for (auto& [setting, path] : {std::pair{"certificate", &files.certificate}, {"key", &files.key}})
    if (!readable(*path)) return bad_file(setting, *path, std::strerror(errno));
  if (SSL_CTX_use_certificate_chain_file(context_, files.certificate.c_str()) != 1)
    return bad_file("certificate", files.certificate, "not a certificate in PEM: " + tls_error());
  if (SSL_CTX_use_PrivateKey_file(context_, files.key.c_str(), SSL_FILETYPE_PEM) != 1)
    return bad_file("key", files.key, "not the certificate's private key, in PEM and without a password: " + tls_error());
  if (SSL_CTX_check_private_key(context_) != 1)
    return bad_file("key", files.key, "is not the key of " + files.certificate);
  X509* certificate = SSL_CTX_get0_certificate(context_);
  expires_ = wall_of(X509_get0_notAfter(certificate));
  subject_ = subject_of(certificate);
  return Done{};
}

Result<> TlsContext::read_client_ca(const TlsFiles& files) {
  if (files.client_certificates == ClientCertificates::none) return Done{};
  const char* path = files.client_ca.c_str();
  if (!readable(files.client_ca)) return bad_file("client_ca", files.client_ca, std::strerror(errno));
  STACK_OF(X509_NAME)* names = SSL_load_client_CA_file(path);
  if (names == nullptr || SSL_CTX_load_verify_locations(context_, path, nullptr) != 1)
    return bad_file("client_ca", files.client_ca, "not certificates in PEM: " + tls_error());
  SSL_CTX_set_client_CA_list(context_, names);
  const bool required = files.client_certificates == ClientCertificates::required;
  SSL_CTX_set_verify(context_, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
  return Done{};
}

// A session that began under other rules for clients is not resumed under these.
void TlsContext::tell_sessions_apart(const TlsFiles& files) {
  std::string rules = std::to_string(static_cast<int>(files.client_certificates));
  if (files.client_certificates != ClientCertificates::none) rules += content_of(files.client_ca);
  unsigned char hash[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(rules.data()), rules.size(), hash);
  CHECK(SSL_CTX_set_session_id_context(context_, hash, sizeof hash) == 1);
}

Result<std::shared_ptr<const TlsContext>> TlsContext::load(const TlsFiles& files, std::shared_ptr<TicketKeys> tickets) {
  std::shared_ptr<TlsContext> made(new TlsContext(std::move(tickets)));
  TRY_DONE(made->read_certificate(files));
  TRY_DONE(made->read_client_ca(files));
  made->tell_sessions_apart(files);
  return std::shared_ptr<const TlsContext>(std::move(made));
}

Result<std::shared_ptr<TlsSource>> TlsSource::open(TlsFiles files, std::shared_ptr<TicketKeys> tickets) {
  std::shared_ptr<TlsSource> made(new TlsSource(std::move(files), std::move(tickets)));
  auto context = TlsContext::load(made->files_, made->tickets_);
  if (!context.ok()) return context.problem();
  made->current_ = std::move(*context);
  return made;
}

std::shared_ptr<const TlsContext> TlsSource::current() const {
  std::lock_guard lock(mutex_);
  return current_;
}

Result<> TlsSource::reload(Micros wall) {
  auto context = TlsContext::load(files_, tickets_);
  if (!context.ok()) return context.problem();
  if ((*context)->expires() <= wall) return bad_file("certificate", files_.certificate, "has expired");
  std::lock_guard lock(mutex_);
  current_ = std::move(*context);
  return Done{};
}

}  // namespace headrace
