// Loading models from the program and from a directory.
#include "src/scoring/model_set.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

#include "src/base/limits.h"
#include "src/scoring/embedded.h"

namespace headrace {
namespace {

namespace fs = std::filesystem;

Result<std::string> read_file(const fs::path& path) {
  std::error_code code;
  auto bytes = fs::file_size(path, code);
  if (code) return Problem{Error::storage_io, path.string(), code.message()};
  if (bytes > limits::model_bytes_max)
    return Problem{Error::bad_model, path.string(), "the file is larger than a model may be"};
  std::string text(bytes, '\0');
  std::ifstream in(path, std::ios::binary);
  if (!in.read(text.data(), static_cast<std::streamsize>(bytes)))
    return Problem{Error::storage_io, path.string(), "the file cannot be read"};
  return text;
}

Result<std::vector<fs::path>> json_files(const std::string& directory) {
  std::error_code code;
  std::vector<fs::path> paths;
  for (fs::directory_iterator at(directory, code), end; !code && at != end; at.increment(code))
    if (at->path().extension() == ".json") paths.push_back(at->path());
  if (code) return Problem{Error::storage_io, directory, code.message()};
  std::ranges::sort(paths);
  return paths;
}

Result<std::shared_ptr<const Model>> load_file(const fs::path& path) {
  auto text = read_file(path);
  if (!text) return text.problem();
  auto model = Model::load(*text);
  if (!model) return Problem{Error::bad_model, path.string(), model.problem().text()};
  return model;
}

}  // namespace

Result<ModelSet> ModelSet::embedded() {
  ModelSet set;
  for (std::string_view json : embedded_models()) {
    auto model = Model::load(json);
    if (!model) return model.problem();
    set.models_[(*model)->name()] = *model;
  }
  return set;
}

Result<ModelSet> ModelSet::load(const std::string& directory) {
  auto set = embedded();
  if (!set) return set;
  auto paths = json_files(directory);
  if (!paths) return paths.problem();
  std::set<std::string> seen;
  for (const fs::path& path : *paths) {
    auto model = load_file(path);
    if (!model) return model.problem();
    if (!seen.insert((*model)->name()).second)
      return Problem{Error::bad_model, path.string(), "another file holds model " + (*model)->name()};
    if (set = set->with(*model); !set) return set;
  }
  return set;
}

std::shared_ptr<const Model> ModelSet::find(std::string_view name) const {
  auto at = models_.find(name);
  return at == models_.end() ? nullptr : at->second;
}

std::vector<std::string> ModelSet::names() const {
  std::vector<std::string> out;
  for (auto& [name, model] : models_) out.push_back(name);
  return out;
}

Result<ModelSet> ModelSet::with(std::shared_ptr<const Model> model) const {
  ModelSet set = *this;
  set.models_[model->name()] = std::move(model);
  if (set.models_.size() > limits::models_max)
    return Problem{Error::bad_model, "there are more than " + std::to_string(limits::models_max) + " models"};
  return set;
}

}  // namespace headrace
