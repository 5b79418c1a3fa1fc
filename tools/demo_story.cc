// What the server thinks of the carts it was fed.
#include "tools/demo_story.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <cctype>
#include <iterator>

#include "codec/json.h"

namespace headrace {
namespace {

using simdjson::SUCCESS;
using simdjson::dom::element;

constexpr size_t carts_per_request = 100;
constexpr size_t reasons_shown = 6;

// The reply's body, or its status and beginning as a Problem.
Result<std::string> body_of(Result<HttpReply> reply, std::string_view what) {
  if (!reply) return reply.problem();
  if (reply->good()) return std::move(reply->body);
  return Problem(Error::conflict, fmt::format("{}: the server answered {}: {}", what, reply->status,
                                              reply->body.substr(0, 300)));
}

std::string text_in(const element& object, std::string_view name) {
  std::string_view text;
  return object[name].get(text) == SUCCESS ? std::string(text) : "";
}

// Models name their bands as they like: "High" and "high" are one.
std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

double number_in(const element& object, std::string_view name) {
  double number = 0;
  return object[name].get(number) == SUCCESS ? number : 0;
}

// "name  value" for one scalar; a missing value is shown, not hidden.
std::string scalar_text(const element& value) {
  std::string_view text;
  double number = 0;
  if (value.get(text) == SUCCESS) return std::string(text);
  if (value.get(number) == SUCCESS) return fmt::format("{:.6g}", number);
  return simdjson::minify(value);
}

void flatten(const element& value, const std::string& name, std::string_view indent, std::string& out) {
  simdjson::dom::object object;
  if (value.get(object) != SUCCESS) {
    fmt::format_to(std::back_inserter(out), "{}{:<26} {}\n", indent, name, scalar_text(value));
    return;
  }
  for (const auto member : object)
    flatten(member.value, name.empty() ? std::string(member.key) : fmt::format("{}.{}", name, member.key),
            indent, out);
}

std::string ids_json(const std::vector<std::string>& carts, size_t from, size_t to) {
  std::string out = "{\"cart_ids\":[";
  for (size_t at = from; at < to; ++at) {
    if (at > from) out += ',';
    append_json_string(carts[at], out);
  }
  return out + "]}";
}

Result<> read_judgements(const std::string& body, std::vector<Judgement>& out) {
  simdjson::dom::parser parser;
  simdjson::dom::array predictions;
  if (parser.parse(body)["predictions"].get(predictions) != SUCCESS)
    return Problem(Error::malformed_json, "the answer to a batch of predictions has no predictions");
  for (const element one : predictions)
    if (!text_in(one, "risk_level").empty())
      out.push_back(
          {text_in(one, "cart_id"), lower(text_in(one, "risk_level")), number_in(one, "probability")});
  return Done{};
}

std::string event_line(const element& event) {
  const std::string time = text_in(event, "timestamp");
  std::string line = fmt::format("    {:<20}{:<18}", time.substr(0, std::min<size_t>(19, time.size())),
                                 text_in(event, "event_type"));
  element data;
  if (event["data"].get(data) != SUCCESS) return line + "\n";
  line += text_in(data, "page_type") + text_in(data, "product_id");
  if (number_in(data, "price") > 0) line += fmt::format("  {:.2f}", number_in(data, "price"));
  if (number_in(data, "quantity") > 1) line += fmt::format(" x {}", number_in(data, "quantity"));
  return line + "\n";
}

Result<std::string> events_text(HttpClient& client, const std::string& cart) {
  auto body = body_of(client.get(fmt::format("/api/events?cart_id={}&limit=1000", cart)), "events");
  if (!body) return body.problem();
  simdjson::dom::parser parser;
  simdjson::dom::array events;
  if (parser.parse(*body)["events"].get(events) != SUCCESS)
    return Problem(Error::malformed_json, "the answer to a query has no events");
  std::string out;
  for (const element event : events) out += event_line(event);
  return out;
}

Result<std::string> features_text(HttpClient& client, const std::string& cart) {
  auto body = body_of(client.get("/internal/features/" + cart), "features");
  if (!body) return body.problem();
  return flat_text(*body, "    ");
}

std::string reason_line(const element& reason) {
  element value;
  const double push = number_in(reason, "contribution");
  return fmt::format("    {:<26} {:<12} {:+.3f}  {}\n", text_in(reason, "feature"),
                     reason["value"].get(value) == SUCCESS ? scalar_text(value) : "", push,
                     push > 0 ? "towards leaving" : "towards buying");
}

Result<std::string> prediction_text(HttpClient& client, const std::string& cart) {
  std::string question = "{\"cart_id\":";
  append_json_string(cart, question);
  auto body = body_of(client.post("/api/predict", question + ",\"explain\":true}"), "prediction");
  if (!body) return body.problem();
  simdjson::dom::parser parser;
  element answer;
  if (parser.parse(*body).get(answer) != SUCCESS)
    return Problem(Error::malformed_json, "the prediction is no JSON");
  std::string out = fmt::format("    chance of being left {:.1f} %, risk {}, by {} {}\n",
                                number_in(answer, "probability") * 100, text_in(answer, "risk_level"),
                                text_in(answer, "model"), text_in(answer, "model_version"));
  simdjson::dom::array reasons;
  if (answer["reasons"].get(reasons) != SUCCESS) return out;
  size_t shown = 0;
  for (const element reason : reasons)
    if (shown++ < reasons_shown) out += reason_line(reason);
  return out;
}

}  // namespace

Result<std::vector<Judgement>> judge(HttpClient& client, const std::vector<std::string>& carts) {
  std::vector<Judgement> judgements;
  for (size_t from = 0; from < carts.size(); from += carts_per_request) {
    const std::string question = ids_json(carts, from, std::min(from + carts_per_request, carts.size()));
    auto body = body_of(client.post("/api/predict/batch", question), "predictions");
    if (!body) return body.problem();
    TRY_DONE(read_judgements(*body, judgements));
  }
  return judgements;
}

std::string risk_text(const std::vector<Judgement>& judgements) {
  std::map<std::string, double> share;
  for (const Judgement& one : judgements)
    share[one.risk_level] += 100.0 / static_cast<double>(judgements.size());
  return fmt::format(
      "{:.0f} % of {} are judged at risk of being left (high {:.0f} %, medium {:.0f} %, low {:.0f} %)",
      share["high"] + share["medium"], judgements.size(), share["high"], share["medium"], share["low"]);
}

Result<std::string> cart_story(HttpClient& client, const std::string& cart) {
  const auto events = events_text(client, cart);
  if (!events) return events.problem();
  const auto features = features_text(client, cart);
  if (!features) return features.problem();
  const auto prediction = prediction_text(client, cart);
  if (!prediction) return prediction.problem();
  return fmt::format("  One of them, {}:\n  its events\n{}  its features\n{}  its prediction\n{}", cart,
                     *events, *features, *prediction);
}

std::string flat_text(std::string_view json, std::string_view indent) {
  simdjson::dom::parser parser;
  element top;
  std::string out;
  if (parser.parse(json.data(), json.size()).get(top) == SUCCESS) flatten(top, "", indent, out);
  return out;
}

}  // namespace headrace
