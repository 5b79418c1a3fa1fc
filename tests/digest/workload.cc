// Everything is drawn from the seed before it is known what happens to it: both ways of stopping see the same events.
#include "tests/digest/workload.h"

#include <fmt/format.h>

#include <bit>
#include <memory>

#include "src/events/lockstep.h"
#include "tests/features/world.h"

namespace headrace::digest {
namespace {

constexpr size_t entity_count = 10;  // of each kind
constexpr size_t step_count = 400;
constexpr Micros ingested_from = 1'700'000'000'000'000;

std::vector<features::Definition> all_definitions(world::Random& random) {
  std::vector<features::Definition> all = features::default_definitions();
  for (const char* entity : {"user", "session", "cart"})
    for (size_t i = 0; i < 20; ++i) {
      std::string aggregate = random.pick(world::aggregates);
      bool calendar = aggregate == "hour" || aggregate == "month" || aggregate == "weekend";
      std::string window = calendar ? "all_time" : random.pick(world::windows);
      all.push_back(world::definition(entity, fmt::format("f{}", i), aggregate, window, random));
    }
  return all;
}

// The keys and the text of one event; views of it make the event.
struct Happening {
  world::Fact fact;
  std::string id, user, session, cart, data;
  bool own = false;

  Event event() const {
    return {.id = id, .type = fact.type, .source = own ? own_source : "s", .user = user, .session = session,
            .cart = cart, .data = data, .time = fact.time};
  }
};

std::string key(const char* kind, double absent, world::Random& random) {
  return random.chance(absent) ? "" : fmt::format("{}{}", kind, random.below(entity_count));
}

Happening happening(const world::Fact& fact, size_t number, world::Random& random) {
  Happening out{.fact = fact, .id = fmt::format("e{}", number), .user = key("u", 0.2, random),
                .session = key("s", 0.2, random), .cart = key("c", 0.3, random), .data = fact.json(),
                .own = random.chance(0.03)};
  if (random.chance(0.1)) out.fact.time -= static_cast<Micros>(random.below(10 * day_us));  // late
  return out;
}

Change document(world::Random& random) {
  Change change;
  std::string name = fmt::format("d{}", random.below(20));
  if (random.chance(0.3)) {
    change.erase(9, name);
    return change;
  }
  // One after the other: compilers draw arguments in an order of their own.
  const size_t length = random.below(300);
  const auto letter = static_cast<char>('a' + random.below(26));
  change.put(9, name, std::string(length, letter));
  return change;
}

class Run {
 public:
  Run(const DataDirectory& directory, std::shared_ptr<const features::Plan> plan, uint64_t seed, Stops stops)
      : directory_(directory), plan_(std::move(plan)), random_(seed), stops_(stops) {}

  Result<Outcome> run() {
    TRY_DONE(open());
    auto facts = world::facts(step_count, random_);
    for (size_t i = 0; i < facts.size(); ++i) {
      TRY_DONE(step(facts[i], i));
      if (random_.chance(0.01)) TRY_DONE(stop());
    }
    TRY_DONE(partitions_->exchange());
    return outcome();
  }

 private:
  Result<> open() {
    auto opened = Lockstep::open(directory_, plan_, {.segment_bytes = limits::segment_bytes_min, .free_bytes_min = 0});
    if (!opened.ok()) return opened.problem();
    partitions_ = std::move(*opened);
    return Done{};
  }
  Result<> step(const world::Fact& fact, size_t number) {
    Micros now = ingested_from + 1000 * static_cast<Micros>(number);
    if (random_.chance(0.05)) return partitions_->change(now, document(random_));
    Happening one = happening(fact, number, random_);
    std::string payload;
    encode(one.event(), payload);
    return partitions_->event(now, 1, one.event(), payload);
  }
  // Folds travel at these moments, whether the partitions live on or not.
  Result<> stop() {
    TRY_DONE(partitions_->exchange());
    if (stops_ == Stops::none) return Done{};
    partitions_.reset();
    return open();
  }
  Result<Outcome> outcome();
  uint64_t hash_of(EntityKind kind, std::string_view name, uint64_t before);

  const DataDirectory& directory_;
  std::shared_ptr<const features::Plan> plan_;
  world::Random random_;
  Stops stops_;
  std::unique_ptr<Lockstep> partitions_;
};

uint64_t Run::hash_of(EntityKind kind, std::string_view name, uint64_t before) {
  uint32_t home = home_of(name, partitions_->count());
  auto vector = partitions_->fold(home).engine().read(kind, name, {}, partitions_->partition(home).rows());
  if (!vector) return before + 1;
  auto values = vector->values();
  for (double value : values) {
    auto bits = std::isnan(value) ? uint64_t{1} : std::bit_cast<uint64_t>(value);
    before = hash64({reinterpret_cast<const char*>(&bits), sizeof bits}, before);
  }
  return before;
}

Result<Outcome> Run::outcome() {
  Outcome out;
  for (size_t i = 0; i < entity_count; ++i) {
    out.features = hash_of(EntityKind::user, fmt::format("u{}", i), out.features);
    out.features = hash_of(EntityKind::session, fmt::format("s{}", i), out.features);
    out.features = hash_of(EntityKind::cart, fmt::format("c{}", i), out.features);
  }
  for (uint32_t p = 0; p < partitions_->count(); ++p) {
    auto digest = partitions_->partition(p).full_digest();
    if (!digest.ok()) return digest.problem();
    out.state += *digest;
  }
  return out;
}

}  // namespace

std::string text_of(const Outcome& outcome) {
  return fmt::format("{:016x}{:016x} {:016x}", outcome.state.high, outcome.state.low, outcome.features);
}

Workload::Workload(uint64_t seed) : seed_(seed), partitions_(1 + static_cast<uint32_t>(seed % 4)) {
  world::Random random(seed);
  auto plan = features::Plan::compile(all_definitions(random));
  CHECK(plan.ok());
  plan_ = *plan;
}

Result<Outcome> Workload::run(const std::string& path, Stops stops) const {
  DirectoryOptions options;
  options.partitions_if_new = partitions_;
  auto directory = DataDirectory::open(path, options);
  if (!directory.ok()) return directory.problem();
  return Run(**directory, plan_, seed_ + 1'000'000, stops).run();
}

Result<Digest> Workload::rebuilt(const std::string& path) const {
  auto directory = DataDirectory::open(path, {});
  if (!directory.ok()) return directory.problem();
  Digest all;
  for (uint32_t p = 0; p < partitions_; ++p) {
    EventFold fold(plan_, p, partitions_, nullptr);
    PartitionOptions options;
    options.place = (*directory)->place(p);
    auto rebuilt = rebuild(options, path + "/rebuilt", fold);
    if (!rebuilt.ok()) return rebuilt.problem();
    all += rebuilt->digest;
  }
  return all;
}

}  // namespace headrace::digest
