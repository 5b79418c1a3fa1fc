// Arguments to Config to the server, or to one of the tools.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "routes/tables.h"
#include "src/base/log.h"
#include "src/base/version.h"
#include "src/server/config.h"
#include "src/server/openapi.h"
#include "src/server/server.h"
#include "tools/bench.h"
#include "tools/commands.h"
#include "tools/demo.h"

namespace headrace {
namespace {

int report(const Result<>& result) {
  if (result.ok()) return 0;
  fmt::print(stderr, "headrace: {}\n", result.problem().text());
  return 1;
}

Level level_named(std::string_view name) {
  return name == "debug"     ? Level::debug
         : name == "warning" ? Level::warning
         : name == "error"   ? Level::error
                             : Level::info;
}

// The flags every command with a configuration has. A flag given wins over the file.
struct Flags {
  std::string file;
  Config given;
  std::vector<std::pair<CLI::Option*, void (*)(const Config&, Config&)>> options;

  void add(CLI::App& app, bool serving) {
    app.add_option("--config", file, "A TOML file that says what flags can say");
    options.push_back({app.add_option("--data", given.data, "The data directory")->capture_default_str(),
                       [](const Config& from, Config& to) { to.data = from.data; }});
    if (!serving) return;
    options.push_back(
        {app.add_option("--listen", given.listen, "HOST:PORT; port 0 picks one")->capture_default_str(),
         [](const Config& from, Config& to) { to.listen = from.listen; }});
    options.push_back(
        {app.add_option("--loops", given.loops, "Event loops, one thread each; 0: one per core"),
         [](const Config& from, Config& to) { to.loops = from.loops; }});
    options.push_back({app.add_option("--partitions", given.partitions,
                                      "Partitions of a new data directory; 0: one per core, at least 2"),
                       [](const Config& from, Config& to) { to.partitions = from.partitions; }});
    options.push_back({app.add_option("--auth", given.auth, "\"key\", or \"open\" on a loopback address"),
                       [](const Config& from, Config& to) { to.auth = from.auth; }});
    options.push_back(
        {app.add_option("--models", given.models, "A folder of models that stand in for the built-in ones"),
         [](const Config& from, Config& to) { to.models = from.models; }});
    options.push_back({app.add_option("--log-level", given.log_level, "debug, info, warning or error"),
                       [](const Config& from, Config& to) { to.log_level = from.log_level; }});
  }

  Result<Config> config() const {
    Config out;
    if (!file.empty()) TRY_DONE(read_config_file(file, out));
    for (auto& [option, copy] : options)
      if (option->count()) copy(given, out);
    TRY_DONE(check_config(out));
    return out;
  }
};

int serve(const Flags& flags) {
  auto config = flags.config();
  if (!config.ok()) return report(config.problem());
  set_log_level(level_named(config->log_level));
  return report(run_server(*config));
}

int check(const Flags& flags) {
  auto config = flags.config();
  if (!config.ok()) return report(config.problem());
  auto plan = feature_plan(*config);
  if (!plan.ok()) return report(plan.problem());
  fmt::print("the configuration is valid: {} listens on {}, data in {}\n", config->service, config->listen,
             config->data);
  return 0;
}

template <class Command>
int with_config(const Flags& flags, Command command) {
  auto config = flags.config();
  return config.ok() ? command(*config) : report(config.problem());
}

int run(int argc, char** argv) {
  // These two have flags of their own.
  if (argc > 1 && std::string_view(argv[1]) == "bench") return bench_main(argc - 1, argv + 1);
  if (argc > 1 && std::string_view(argv[1]) == "demo") return demo_main(argc - 1, argv + 1);

  CLI::App app{"headrace: from event to prediction to action in one process", "headrace"};
  app.require_subcommand(1);
  Flags flags;
  uint64_t from = 1;
  std::optional<uint32_t> partition;

  auto* serving = app.add_subcommand("serve", "Run the server");
  flags.add(*serving, true);
  serving->footer(
      "Example: headrace serve --data ./data --listen 127.0.0.1:8080\n"
      "HEADRACE_ADMIN_KEY presets the administrator's key; otherwise one is made at the first start and "
      "shown once.");

  auto* config = app.add_subcommand("config", "Work on a configuration")->require_subcommand(1);
  auto* checking = config->add_subcommand("check", "Check a configuration file and its feature definitions");
  flags.add(*checking, true);
  checking->footer("Example: headrace config check --config headrace.toml");

  auto* log = app.add_subcommand("log", "Read and check the log")->require_subcommand(1);
  auto* cat = log->add_subcommand("cat", "Print records as JSON lines");
  cat->add_option("--data", flags.given.data, "The data directory")->capture_default_str();
  cat->add_option("--from", from, "The first LSN of each partition")->capture_default_str();
  cat->add_option("--partition", partition, "Only this partition");
  cat->footer("Example: headrace log cat --data ./data --from 100 --partition 0");
  auto* verify = log->add_subcommand("verify", "Check every segment, batch and chain");
  verify->add_option("--data", flags.given.data, "The data directory")->capture_default_str();
  verify->footer("Example: headrace log verify --data ./data");
  auto* info = log->add_subcommand("info", "Print what there is");
  info->add_option("--data", flags.given.data, "The data directory")->capture_default_str();
  info->footer("Example: headrace log info --data ./data");

  bool verify_replay = false;
  auto* replay = app.add_subcommand("replay", "Rebuild the state from the log alone");
  flags.add(*replay, false);
  replay->add_flag("--verify", verify_replay, "Compare its digest with that of the live state")->required();
  replay->footer("Example: headrace replay --data ./data --verify   (the server must be stopped)");

  auto* state = app.add_subcommand("state", "Look at the state")->require_subcommand(1);
  auto* digest = state->add_subcommand("digest", "Print the digest of the live state");
  flags.add(*digest, false);
  digest->footer("Example: headrace state digest --data ./data   (the server must be stopped)");

  app.add_subcommand("bench", "Generate load (headrace bench --help)");
  app.add_subcommand("demo", "Feed a shopping stream and show what comes of it (headrace demo --help)");
  auto* routes = app.add_subcommand("routes", "Print the route table");
  routes->footer("Example: headrace routes > docs/routes.txt");
  auto* show = app.add_subcommand("version", "Print the version");
  show->footer("Example: headrace version");

  CLI11_PARSE(app, argc, argv);
  if (*serving) return serve(flags);
  if (*checking) return check(flags);
  if (*cat) return log_cat(flags.given.data, from, partition);
  if (*verify) return log_verify(flags.given.data);
  if (*info) return log_info(flags.given.data);
  if (*replay) return with_config(flags, replay_verify);
  if (*digest) return with_config(flags, state_digest);
  if (*routes) fmt::print("{}", route_list(all_routes()));
  if (*show) fmt::print("headrace {} ({})\n", version, build_compiler);
  return 0;
}

}  // namespace
}  // namespace headrace

int main(int argc, char** argv) { return headrace::run(argc, argv); }
