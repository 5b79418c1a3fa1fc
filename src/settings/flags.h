// Feature flags: documents of the control partition, decisions over them, and their evaluation, which is pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "src/settings/configuration.h"

namespace headrace {

// Holds where the attribute of the context compares so with one of the values (not_in: with none of them).
struct FlagCondition {
  std::string attribute, op = "in";
  std::vector<RawJson> values;
  static constexpr auto shape() {
    return std::tuple{field("attribute", &FlagCondition::attribute, "Of the context", length(1, 128)),
                      field("op", &FlagCondition::op, "How it compares", optional_field,
                            one_of("in", "not_in", "starts_with", "ends_with", "contains", "at_least", "at_most")),
                      field("values", &FlagCondition::values, "Texts, numbers or booleans", length(1, 1000))};
  }
};

using FlagSplit = std::map<std::string, int64_t>;  // percent by variant; 100 in all

struct FlagRule {
  std::vector<FlagCondition> conditions;
  std::optional<std::string> variant;
  std::optional<FlagSplit> split;
  static constexpr auto shape() {
    return std::tuple{field("conditions", &FlagRule::conditions, "All must hold", length(1, 32)),
                      field("variant", &FlagRule::variant, "Who gets here gets this one"),
                      field("split", &FlagRule::split, "...or one of these, in percent, by their targetingKey")};
  }
};

struct FlagOfStore {
  std::optional<bool> enabled;
  std::optional<std::string> variant;
  static constexpr auto shape() {
    return std::tuple{field("enabled", &FlagOfStore::enabled, "There, whatever it is elsewhere"),
                      field("variant", &FlagOfStore::variant, "For everybody there")};
  }
};

struct Flag {
  std::string key, description;
  bool enabled = false;
  std::map<std::string, RawJson> variants;
  std::string default_variant;
  std::optional<std::string> off_variant;
  std::vector<FlagRule> rules;
  std::optional<FlagSplit> split;
  std::map<std::string, FlagOfStore> stores;
  int64_t version = 0;
  Timestamp updated_at;
  static constexpr auto shape() {
    return std::tuple{field("key", &Flag::key, "Its name"),
                      field("description", &Flag::description, "What it is for"),
                      field("enabled", &Flag::enabled, "Whether its rules are looked at"),
                      field("variants", &Flag::variants, "Its values by name, all of one type"),
                      field("default_variant", &Flag::default_variant, "Where no rule matches"),
                      field("off_variant", &Flag::off_variant, "Where it is not enabled; else the client's own default"),
                      field("rules", &Flag::rules, "The first that matches counts"),
                      field("split", &Flag::split, "Where no rule matches, instead of the default, in percent"),
                      field("stores", &Flag::stores, "What is different in a store, by its id"),
                      field("version", &Flag::version, "Grows with every change"),
                      field("updated_at", &Flag::updated_at, "When it was changed last")};
  }
};
using Flags = std::map<std::string, Flag, std::less<>>;

// What is given is changed. A new one is boolean unless its variants say otherwise.
struct PutFlag {
  std::string flag;
  std::optional<bool> enabled;
  std::optional<std::string> description, default_variant, off_variant;
  std::optional<std::map<std::string, RawJson>> variants;
  std::optional<std::vector<FlagRule>> rules;
  std::optional<FlagSplit> split;
  std::optional<std::map<std::string, FlagOfStore>> stores;
  std::optional<int64_t> version;
  Author author = {};
  static constexpr auto shape() {
    return std::tuple{
        field("flag", &PutFlag::flag, "Its name", length(1, 128), optional_field),
        field("enabled", &PutFlag::enabled, "Whether its rules are looked at"),
        field("description", &PutFlag::description, "What it is for", length(0, 1000)),
        field("default_variant", &PutFlag::default_variant, "Where no rule matches"),
        field("off_variant", &PutFlag::off_variant, "Where it is not enabled"),
        field("variants", &PutFlag::variants, "Its values by name, all of one type", length(1, 64)),
        field("rules", &PutFlag::rules, "The first that matches counts", length(0, 64)),
        field("split", &PutFlag::split, "Where no rule matches, in percent; empty: none", length(0, 64)),
        field("stores", &PutFlag::stores, "What is different in a store, by its id", length(0, 1000)),
        field("version", &PutFlag::version, "Only if it still has this one, 0: if there is none; else 409", between(0, 1e15))};
  }
};
Result<Flag> decide_put_flag(const Documents& documents, const PutFlag& want, const Stamp& stamp, Effects& effects);
Flags all_flags(const Documents& documents);

struct FlagContext {
  std::map<std::string, RawJson> attributes;
  std::string store;
};
struct FlagVerdict {
  std::string_view reason;
  std::string variant;             // empty: the client's own default
  const RawJson* value = nullptr;  // of the flag
};
// Error::targeting_key_missing where a split needs it.
Result<FlagVerdict> evaluate(const Flag& flag, const FlagContext& context);

}  // namespace headrace
