// Arguments to Config to the server, or to one of the tools.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

#include "routes/tables.h"
#include "src/base/log.h"
#include "src/base/log_sink.h"
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

// The flags of commands with a configuration: every setting, or where the data is. A flag given wins over the
// file.
struct Flags {
  std::string file;
  Config given;
  std::vector<std::pair<CLI::Option*, const Setting*>> options;

  void add(CLI::App& app, bool serving, std::string_view another = {}) {
    app.add_option("--config", file, "A TOML file that says what flags can say");
    for (const Setting& setting : settings())
      if (serving || setting.name == "data" || setting.name == another) add(app, setting);
  }

  void add(CLI::App& app, const Setting& setting) {
    std::string name = fmt::format("--{}", setting.name), help(setting.help);
    std::ranges::replace_if(name, [](char c) { return c == '_' || c == '.'; }, '-');
    auto make = [&](auto member) {
      auto* option = app.add_option(name, given.*member, help)->capture_default_str();
      if constexpr (requires { (given.*member).emplace_back(); }) option->allow_extra_args(false);
      return option;
    };
    options.push_back({std::visit(make, setting.member), &setting});
  }

  Result<Config> config() const {
    Config out;
    if (!file.empty()) TRY_DONE(read_config_file(file, out));
    for (auto& [option, setting] : options)
      if (option->count()) std::visit([&](auto member) { out.*member = given.*member; }, setting->member);
    for (auto& [option, setting] : options)
      if (option->count() && setting->name == "listen") out.listeners.clear();
    TRY_DONE(check_config(out));
    return out;
  }
};

int serve(const Flags& flags) {
  auto config = flags.config();
  if (!config.ok()) return report(config.problem());
  set_log_level(config->lowest_level());
  Result<> ended = Done{};
  {
    LogSink sink(STDERR_FILENO);
    set_log_sink(&sink);
    ended = run_server(*config);
    set_log_sink(nullptr);
  }
  return report(ended);
}

int check(const Flags& flags) {
  auto config = flags.config();
  if (!config.ok()) return report(config.problem());
  auto plan = feature_plan(*config);
  if (!plan.ok()) return report(plan.problem());
  auto listeners = plan_listeners(*config);
  for (auto& listener : *listeners)
    fmt::print("{} listens on {}{}\n", listener.service, listener.address.text(), listener.tls ? ", TLS" : "");
  fmt::print("the configuration is valid, data in {}\n", config->data);
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
  TailOptions tailing;
  auto* tail = log->add_subcommand("tail", "Print the newest records as JSON lines");
  tail->add_option("--data", flags.given.data, "The data directory")->capture_default_str();
  tail->add_option("--records", tailing.records, "So many of each partition")->capture_default_str();
  tail->add_option("--partition", tailing.partition, "Only this partition");
  tail->add_flag("--follow", tailing.follow, "Go on with what comes");
  tail->footer("Example: headrace log tail --data ./data --follow   (beside the running server)");
  ExportOptions exporting;
  auto* exports = log->add_subcommand("export", "Print events as NDJSON or CSV");
  exports->add_option("--data", flags.given.data, "The data directory")->capture_default_str();
  exports->add_option("--format", exporting.format, "ndjson or csv")->capture_default_str();
  exports->add_option("--from", exporting.from, "Events at or after this time");
  exports->add_option("--to", exporting.to, "Events before this time");
  exports->add_option("--type", exporting.type, "Events of this type");
  exports->add_option("--user", exporting.user, "Events of this user");
  exports->add_option("--tenant", exporting.tenant, "Events of this tenant; by default of all");
  exports->footer(
      "Example: headrace log export --data ./data --format csv --type purchase --from 2025-09-01T00:00:00Z");
  ImportOptions importing;
  auto* imports =
      log->add_subcommand("import", "Send NDJSON events to a running server; what it has stays as it is");
  imports->add_option("--url", importing.url, "Where the server listens")->capture_default_str();
  imports->add_option("--key", importing.key, "An API key")->envname("HEADRACE_ADMIN_KEY");
  imports->add_option("--tenant", importing.tenant, "Of the key: lines of this tenant; by default the platform's");
  imports->add_option("file", importing.file, "One event per line; - reads stdin")->capture_default_str();
  imports->footer(
      "Example: headrace log export --data ./old | headrace log import --url http://127.0.0.1:8080 --key "
      "hr_...\n"
      "An event whose event_id the server knows is left alone, so a file may be sent again.");
  auto* verify = log->add_subcommand("verify", "Check every segment, batch and chain");
  verify->add_option("--data", flags.given.data, "The data directory")->capture_default_str();
  verify->footer("Example: headrace log verify --data ./data");
  RepairCommand repairing;
  auto* repair = log->add_subcommand("repair", "Make a damaged log whole without what is lost");
  repair->add_option("--data", flags.given.data, "The data directory")->capture_default_str();
  repair->add_option("--partition", repairing.partition, "Of which partition")->required();
  repair->add_option("--accept-loss", repairing.accepted, "FIRST..LAST: exactly the LSNs that are lost");
  repair->add_option("--by", repairing.by, "Who accepts it; else the user of the process");
  repair->footer(
      "Example: headrace log repair --data ./data --partition 0 --accept-loss 1201..1240   (the server must "
      "be "
      "stopped)\n"
      "Any other range than the right one is refused with the right one. The loss is signed and never "
      "silent.");
  auto* info = log->add_subcommand("info", "Print what there is");
  info->add_option("--data", flags.given.data, "The data directory")->capture_default_str();
  info->footer("Example: headrace log info --data ./data");

  TrainingSetOptions training;
  auto* trains = app.add_subcommand("training-set", "Print features as they were at the moments of labels");
  flags.add(*trains, false, "models");
  trains->add_option("--labels", training.labels, "CSV with the columns entity, time and labels; - reads stdin");
  trains->add_option("--label-event", training.label_event, "Or: whether this type of event follows");
  trains->add_option("--horizon", training.horizon, "...within this time")->capture_default_str();
  trains->add_option("--at", training.at, "...after: prediction, or a type of event")->capture_default_str();
  trains->add_option("--entity-kind", training.entity_kind, "cart, user or session")->capture_default_str();
  trains->add_option("--time", training.time, "Which clock moments are of: ingested or event")
      ->capture_default_str();
  trains->add_option("--features", training.features, "Only these, separated by commas")->delimiter(',');
  trains->add_option("--model", training.model, "The row that this model is given, instead of features");
  trains->add_option("--format", training.format, "csv or ndjson")->capture_default_str();
  trains->add_option("--tenant", training.tenant, "Whose entities these are; by default the platform's");
  trains->add_option("--out", training.out, "A file; without it stdout");
  trains->footer(
      "Example: headrace training-set --data ./data --labels labels.csv --model cart_abandonment --out rows.csv\n"
      "Example: headrace training-set --data ./data --label-event purchase --horizon 24h   (beside the running "
      "server)");

  bool verify_replay = false;
  auto* replay = app.add_subcommand("replay", "Rebuild the state from the log alone");
  flags.add(*replay, false);
  replay->add_flag("--verify", verify_replay, "Compare its digest with that of the live state")->required();
  replay->footer("Example: headrace replay --data ./data --verify   (the server must be stopped)");

  auto* state = app.add_subcommand("state", "Look at the state")->require_subcommand(1);
  auto* digest = state->add_subcommand("digest", "Print the digest of the live state");
  flags.add(*digest, false);
  digest->footer("Example: headrace state digest --data ./data   (the server must be stopped)");

  std::string user, tenant;
  auto* erasing = app.add_subcommand("erase", "Remove a person from the data directory");
  flags.add(*erasing, false);
  erasing->add_option("--user", user, "Who")->required();
  erasing->add_option("--tenant", tenant, "Whose id of the person that is; by default the platform's");
  erasing->footer("Example: headrace erase --data ./data --user u1   (the server must be stopped; docs/erasure.md)");

  auto* compacting = app.add_subcommand("compact", "Make the state anew without what was freed in it");
  flags.add(*compacting, false);
  compacting->footer("Example: headrace compact --data ./data   (the server must be stopped)");

  StateAtCommand looking;
  auto* at = state->add_subcommand("at", "Print the state as it was, as JSON lines");
  flags.add(*at, false);
  at->add_option("--lsn", looking.lsn, "As of this record of each partition");
  at->add_option("--time", looking.time, "As of the last records ingested at or before this time")->excludes("--lsn");
  at->add_option("--partition", looking.partition, "Only this partition");
  at->add_option("--entity", looking.entities, "Also the features of user:ID, session:ID or cart:ID");
  at->add_option("--tenant", looking.tenant, "Whose entities these are; by default the platform's");
  at->footer("Example: headrace state at --data ./data --lsn 5000 --partition 0 --entity user:u1   (also beside the server)");

  BackupCommand backing_up;
  auto* backup_command = app.add_subcommand("backup", "Copy bases and log, also beside a running server, and check the copy");
  backup_command->add_option("--data", backing_up.data, "The data directory")->capture_default_str();
  backup_command->add_option("--into", backing_up.into, "Empty, or an earlier backup of this directory")->required();
  backup_command->add_flag("--verify", backing_up.verify_only, "Only check the backup that is there");
  backup_command->footer("Example: headrace backup --data ./data --into /backup/headrace");

  RestoreCommand restoring;
  auto* restore = app.add_subcommand("restore", "Make a data directory from a backup, whole or as it was");
  restore->add_option("--from", restoring.from, "The backup")->required();
  restore->add_option("--into", restoring.into, "The new data directory: empty, or not there yet")->required();
  restore->add_option("--lsn", restoring.lsns, "PARTITION:LSN, the last record that stays; the others follow");
  restore->add_option("--time", restoring.time, "Nothing ingested after this time")->excludes("--lsn");
  restore->footer("Example: headrace restore --from /backup/headrace --into ./data --time 2025-09-30T12:00:00Z");

  auto* base = app.add_subcommand("base", "Make a base of each partition: a copy of its state, to begin from");
  flags.add(*base, false);
  base->footer("Example: headrace base --data ./data   (the server must be stopped; a running one makes them by itself)");

  RepartitionWish wish;
  auto* repartitioning = app.add_subcommand("repartition", "Write a new data directory with another number of partitions");
  flags.add(*repartitioning, false);
  repartitioning->add_option("--into", wish.into, "The new directory; must not exist")->required();
  repartitioning->add_option("--partitions", wish.partitions, "How many it has")
      ->required()
      ->check(CLI::Range(size_t{1}, limits::partitions_max));
  repartitioning->footer(
      "Example: headrace repartition --data ./data --into ./data8 --partitions 8   (the server must be stopped)\n"
      "The old directory is only read. What broke off is begun again: the new one has its name only when it is whole.");

  CallCommand calling;
  auto* call = app.add_subcommand("call", "Call a URL as the server calls those that others name: nothing private unless outgoing.allow says so");
  flags.add(*call, false, "outgoing.allow");
  call->add_option("url", calling.url, "http:// or https://")->required();
  call->add_option("--body", calling.body, "JSON to POST; without it a GET");
  call->footer("Example: headrace call https://example.com/hook --body '{}'   (prints who answered; 1 where it may not be called)");

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
  if (*tail) return log_tail(flags.given.data, tailing);
  if (*exports) return log_export(flags.given.data, exporting);
  if (*imports) return log_import(importing);
  if (*verify) return log_verify(flags.given.data);
  if (*repair) return log_repair(flags.given.data, repairing);
  if (*info) return log_info(flags.given.data);
  if (*trains)
    return with_config(flags, [&](const Config& its) { return training_set(its, training); });
  if (*replay) return with_config(flags, replay_verify);
  if (*digest) return with_config(flags, state_digest);
  if (*erasing) return with_config(flags, [&](const Config& its) { return erase_user(its, user, tenant); });
  if (*compacting) return with_config(flags, compact);
  if (*at) return with_config(flags, [&](const Config& given) { return state_at(given, looking); });
  if (*backup_command) return backup(backing_up);
  if (*restore) return restore_directory(restoring);
  if (*base) return with_config(flags, make_bases);
  if (*call) return with_config(flags, [&](const Config& given) { return call_url(given, calling); });
  if (*repartitioning)
    return with_config(flags, [&](const Config& given) { return repartition_data(given, wish); });
  if (*routes) fmt::print("{}", route_list(all_routes()));
  if (*show) fmt::print("headrace {} ({})\n", version, build_compiler);
  return 0;
}

}  // namespace
}  // namespace headrace

int main(int argc, char** argv) { return headrace::run(argc, argv); }
