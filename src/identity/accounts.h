// Accounts of persons: what may be done with them, as decisions over documents. User names and addresses are unique
// without regard to case; all of it is one change of one partition, so that it holds under concurrency and across crashes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "src/identity/api_keys.h"

namespace headrace {

// Rules of the texts, before any work is done for them. Error::invalid_input names the field.
Result<> check_username(std::string_view username);
Result<> check_email(std::string_view email);
Result<> check_password(std::string_view password);

// By UUID or number; by user name or address.
std::optional<Account> find_account(const Documents& documents, std::string_view id);
std::optional<Account> find_login(const Documents& documents, std::string_view name);

// Passwords, keys and tokens come as hashes: secrets never reach a decision.
struct RegisterAccount {
  std::string username, email, password_hash, first_name, last_name, phone, tenant;
  std::vector<std::string> roles = {"customer"};
  std::string key_hash, key_prefix;  // of its first API key
  std::string proof_hash;            // of a token by which the address is verified; may be empty
};
Result<Account> decide_register(const Documents& documents, const RegisterAccount& want, const Stamp& stamp,
                                Effects& effects);

struct UpdateProfile {
  std::string id;
  std::optional<std::string> first_name, last_name, phone, bio, country, city;
};
Result<Account> decide_update_profile(const Documents& documents, const UpdateProfile& want, const Stamp& stamp,
                                      Effects& effects);

// Roles, tenant and whether they may sign in: an administrator's to say. Ends all sessions.
struct GovernAccount {
  std::string id;
  std::optional<std::vector<std::string>> roles;
  std::optional<std::string> tenant;
  std::optional<bool> active;
};
Result<Account> decide_govern(const Documents& documents, const GovernAccount& want, const Stamp& stamp, Effects& effects);

struct AddCredits {
  std::string id;
  int64_t credits = 0;
};
Result<Account> decide_add_credits(const Documents& documents, const AddCredits& want, const Stamp& stamp,
                                   Effects& effects);

// A token that will be mailed to the account of this address. Error::not_found is nobody's to hear.
struct BeginProof {
  std::string email, hash, purpose;
};
Result<Account> decide_begin_proof(const Documents& documents, const BeginProof& want, const Stamp& stamp, Effects& effects);

struct UseProof {
  std::string hash;
  std::string id;             // of the account, to verify it
  std::string password_hash;  // the new one, to reset it
};
Result<Account> decide_reset_password(const Documents& documents, const UseProof& want, const Stamp& stamp,
                                      Effects& effects);
Result<Account> decide_verify(const Documents& documents, const UseProof& want, const Stamp& stamp, Effects& effects);

// All sessions of the account end, and with them all its tokens.
void end_all_sessions(Account& account, Effects& effects);

inline constexpr std::string_view reset_purpose = "reset_password", verify_purpose = "verify_account";

}  // namespace headrace
