// How much processor time a process has used, and who listens on a port: both read from /proc (proc(5)).
#include "tools/process_cpu.h"

#include <dirent.h>
#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>
#include <string>
#include <unordered_set>

namespace headrace {
namespace {

using Inodes = std::unordered_set<std::string>;

struct CloseDir {
  void operator()(DIR* dir) const { closedir(dir); }
};

// One line of /proc/net/tcp: "sl local:port remote:port state tx:rx tr:when retrnsmt uid timeout inode ...".
void keep_if_listening(const std::string& line, uint16_t port, Inodes& found) {
  constexpr std::string_view listening = "0A";
  std::istringstream fields(line);
  std::string slot, local, remote, state, skip, inode;
  fields >> slot >> local >> remote >> state >> skip >> skip >> skip >> skip >> skip >> inode;
  const size_t colon = local.find(':');
  if (colon == std::string::npos || state != listening) return;
  if (std::strtoul(local.c_str() + colon + 1, nullptr, 16) == port) found.insert("socket:[" + inode + "]");
}

Inodes listening_sockets(uint16_t port) {
  Inodes found;
  for (const char* path : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::ifstream table(path);
    for (std::string line; std::getline(table, line);) keep_if_listening(line, port, found);
  }
  return found;
}

bool holds_one_of(const std::string& pid, const Inodes& sockets) {
  const std::string folder = "/proc/" + pid + "/fd";
  const std::unique_ptr<DIR, CloseDir> dir(opendir(folder.c_str()));
  if (!dir) return false;
  while (const dirent* entry = readdir(dir.get())) {
    char target[64];
    const ssize_t size = readlink((folder + "/" + entry->d_name).c_str(), target, sizeof target);
    if (size > 0 && sockets.count(std::string(target, static_cast<size_t>(size)))) return true;
  }
  return false;
}

std::optional<int> pid_in(std::string_view name) {
  int pid = 0;
  const auto [end, code] = std::from_chars(name.data(), name.data() + name.size(), pid);
  if (code != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return pid;
}

}  // namespace

std::optional<double> cpu_seconds_of(int pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  const std::string line((std::istreambuf_iterator<char>(file)), {});
  const size_t after_name = line.rfind(')');  // the name may itself hold spaces and brackets
  if (after_name == std::string::npos) return std::nullopt;
  std::istringstream fields(line.substr(after_name + 1));
  std::string skip;
  for (int field = 3; field < 14; ++field) fields >> skip;
  uint64_t user_ticks = 0, system_ticks = 0;
  fields >> user_ticks >> system_ticks;
  return static_cast<double>(user_ticks + system_ticks) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

std::optional<int> listener_on(uint16_t port) {
  const Inodes sockets = listening_sockets(port);
  const std::unique_ptr<DIR, CloseDir> processes(opendir("/proc"));
  if (sockets.empty() || !processes) return std::nullopt;
  while (const dirent* entry = readdir(processes.get()))
    if (const auto pid = pid_in(entry->d_name); pid && holds_one_of(entry->d_name, sockets)) return pid;
  return std::nullopt;
}

}  // namespace headrace
