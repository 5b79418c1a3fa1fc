// Texts that may hold secrets, made unreadable for whoever reads the disk: AES-256-GCM (NIST SP 800-38D) with a nonce of its own.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace headrace {

using SealKey = std::array<char, 32>;

// nonce (12 bytes) ciphertext tag (16 bytes), in base64url.
std::string seal(const SealKey& key, std::string_view text);
// Nothing where it was sealed by another key or changed.
std::optional<std::string> unseal(const SealKey& key, std::string_view sealed);

}  // namespace headrace
