// ScratchFolder: a directory below the system's temporary one, gone with the object.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>
#include <string_view>

namespace headrace {

class ScratchFolder {
 public:
  explicit ScratchFolder(std::string_view name) {
    std::error_code none;
    path_ = (std::filesystem::temp_directory_path(none) / (std::string(name) + "-XXXXXX")).string();
    made_ = ::mkdtemp(path_.data()) != nullptr;
  }
  ~ScratchFolder() {
    std::error_code none;
    if (made_) std::filesystem::remove_all(path_, none);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  bool made() const { return made_; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  bool made_ = false;
};

}  // namespace headrace
