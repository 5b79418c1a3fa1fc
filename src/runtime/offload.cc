// The worker threads of Offload: one queue, first come first served.
#include "src/runtime/offload.h"

#include "src/base/thread_share.h"

namespace headrace {

Offload::Offload(size_t threads, size_t queue_max, Priority priority) : queue_max_(queue_max) {
  CHECK(threads > 0 && queue_max > 0);
  for (size_t i = 0; i < threads; ++i) threads_.emplace_back([this, priority] { work(priority); });
}

Offload::~Offload() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wanted_.notify_all();
  for (auto& thread : threads_) thread.join();
}

bool Offload::submit(Message& job) {
  {
    std::lock_guard lock(mutex_);
    if (queued_ == queue_max_ || ending_) return false;
    job.next = nullptr;
    (last_ ? last_->next : first_) = &job;
    last_ = &job;
    ++queued_;
  }
  wanted_.notify_one();
  return true;
}

void Offload::work(Priority priority) {
  if (priority == Priority::low) lower_priority();
  while (Message* job = next_job()) job->act(*job, Delivery::run);
}

Message* Offload::next_job() {
  std::unique_lock lock(mutex_);
  wanted_.wait(lock, [this] { return first_ != nullptr || ending_; });
  Message* job = first_;
  if (job == nullptr) return nullptr;
  first_ = job->next;
  if (first_ == nullptr) last_ = nullptr;
  --queued_;
  return job;
}

}  // namespace headrace
