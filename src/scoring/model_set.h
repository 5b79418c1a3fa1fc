// The models of a server by name: an immutable snapshot that threads share and replace as a whole.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/result.h"
#include "src/scoring/model.h"

namespace headrace {

class ModelSet {
 public:
  // The models built into the program.
  static Result<ModelSet> embedded();

  // Those, joined or replaced by name by every *.json of `directory`.
  static Result<ModelSet> load(const std::string& directory);

  // Null if there is no such model.
  std::shared_ptr<const Model> find(std::string_view name) const;
  std::vector<std::string> names() const;

  // A copy with `model` joined, in place of one of the same name.
  Result<ModelSet> with(std::shared_ptr<const Model> model) const;

 private:
  std::map<std::string, std::shared_ptr<const Model>, std::less<>> models_;
};

}  // namespace headrace
