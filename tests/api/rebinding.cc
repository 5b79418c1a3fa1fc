// A resolver that changes its mind: of a name below ".rebind.test" every answer but the first is 127.0.0.1. Preloaded by test_outgoing.py.
#include <dlfcn.h>
#include <netdb.h>

#include <atomic>
#include <string>

extern "C" int getaddrinfo(const char* node, const char* service, const addrinfo* hints, addrinfo** result) {
  static const auto real = reinterpret_cast<decltype(&::getaddrinfo)>(::dlsym(RTLD_NEXT, "getaddrinfo"));
  static std::atomic<int> asked = 0;
  const std::string name = node != nullptr ? node : "";
  if (!name.ends_with(".rebind.test")) return real(node, service, hints, result);
  // "first.127-0-0-2.rebind.test"; one beginning with "then" is already past its first answer.
  const bool first = asked++ == 0 && !name.starts_with("then");
  return real(first ? "127.0.0.2" : "127.0.0.1", service, hints, result);
}
