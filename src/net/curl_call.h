// What calls by libcurl have in common: handles that are freed, and an end when the server stops.
#pragma once

#include <curl/curl.h>

#include <atomic>
#include <memory>

#include "src/base/check.h"

namespace headrace {

using CurlHandle = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;
using CurlList = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

inline CurlHandle make_curl() {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  CHECK(ready == CURLE_OK);
  CurlHandle curl(curl_easy_init(), curl_easy_cleanup);
  CHECK(curl != nullptr);
  curl_easy_setopt(curl.get(), CURLOPT_PROXY, "");
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  return curl;
}

// libcurl asks about once a second whether to go on. `stopping` outlives the call.
inline void end_when(CURL* curl, const std::atomic<bool>& stopping) {
  curl_xferinfo_callback look = [](void* flag, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<const std::atomic<bool>*>(flag)->load() ? 1 : 0;
  };
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, look);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, const_cast<std::atomic<bool>*>(&stopping));
}

}  // namespace headrace
