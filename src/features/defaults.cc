// The definitions every server starts with. docs/features.md explains each; models name them.
#include "src/features/definition.h"

namespace headrace::features {
namespace {

struct DefaultRow {
  std::string_view entity, name, aggregate, events, value, window, about;
};

constexpr std::string_view products = "product_view | page_view[page_type=product]";

// clang-format off
constexpr DefaultRow defaults[] = {
  {"cart", "admin_views",        "count",      "page_view[page_type=admin]", "", "all_time", "Account, login, cart and checkout pages seen"},
  {"cart", "admin_seconds",      "seconds",    "page_view[page_type=admin]", "", "all_time", "Time on those pages"},
  {"cart", "info_views",         "count",      "page_view[page_type=info]", "", "all_time", "Pages about the shop seen"},
  {"cart", "info_seconds",       "seconds",    "page_view[page_type=info]", "", "all_time", "Time on those pages"},
  {"cart", "product_views",      "count",      products, "", "all_time", "Product pages seen"},
  {"cart", "product_seconds",    "seconds",    products, "", "all_time", "Time on product pages"},
  {"cart", "month",              "month",      "*", "", "all_time", "Month of the latest event, 1-12, UTC"},
  {"cart", "weekend",            "weekend",    "*", "", "all_time", "1 where the latest event fell on Saturday or Sunday, UTC"},
  {"cart", "returning_visitor",  "last",       "*", "returning_visitor", "all_time", "1 for a visitor who has been here before, as the producer says"},
  {"cart", "adds",               "count",      "add_to_cart", "", "all_time", "Products put in"},
  {"cart", "removes",            "count",      "remove_from_cart", "", "all_time", "Products taken out"},
  {"cart", "items_in_cart",      "sum",        "add_to_cart | -remove_from_cart", "quantity", "all_time", "Pieces put in less pieces taken out"},
  {"cart", "cart_value",         "sum",        "add_to_cart | -remove_from_cart", "price*quantity", "all_time", "Worth of what was put in less what was taken out"},
  {"cart", "max_price",          "max",        "add_to_cart", "price", "all_time", "Dearest product put in"},
  {"cart", "distinct_products",  "distinct",   "*", "product_id", "all_time", "Different products met"},
  {"cart", "checkout_started",   "count",      "checkout_start", "", "all_time", "Times the checkout was entered"},
  {"cart", "purchases",          "count",      "purchase", "", "all_time", "Purchases"},
  {"cart", "searches",           "count",      "search", "", "all_time", "Searches"},
  {"cart", "last_event_seconds", "time_since", "*", "", "all_time", "Silence so far"},
  {"cart", "last_add_seconds",   "time_since", "add_to_cart", "", "all_time", "Since a product was last put in"},
  {"cart", "events_5m",          "count",      "*", "", "5m", "Events of the last 5 minutes"},
  {"cart", "events_1h",          "count",      "*", "", "1h", "Events of the last hour"},
  {"cart", "session_events",     "count",      "*", "", "session", "Events since the last silence of more than 30 minutes"},

  {"user", "product_views",      "count",      products, "", "all_time", "Product pages seen"},
  {"user", "adds",               "count",      "add_to_cart", "", "all_time", "Products put into carts"},
  {"user", "wishlist_adds",      "count",      "wishlist_add", "", "all_time", "Products put on the wish list"},
  {"user", "purchases",          "count",      "purchase", "", "all_time", "Purchases"},
  {"user", "spend",              "sum",        "purchase", "price*quantity", "all_time", "Worth of the purchases"},
  {"user", "mean_purchase",      "mean",       "purchase", "price*quantity", "all_time", "Mean worth of a purchase"},
  {"user", "transaction_value",  "sum",        "transaction", "value", "all_time", "Sum of the transactions"},
  {"user", "distinct_products",  "distinct",   "*", "product_id", "all_time", "Different products met"},
  {"user", "last_event_seconds", "time_since", "*", "", "all_time", "Silence so far"},
  {"user", "last_purchase_seconds", "time_since", "purchase", "", "all_time", "Since the last purchase"},
  {"user", "first_price",        "first",      "purchase", "price", "all_time", "Price of the first purchase"},
  {"user", "events_5m",          "count",      "*", "", "5m", "Events of the last 5 minutes"},
  {"user", "events_1h",          "count",      "*", "", "1h", "Events of the last hour"},
  {"user", "events_24h",         "count",      "*", "", "24h", "Events of the last day"},
  {"user", "events_7d",          "count",      "*", "", "7d", "Events of the last week"},
  {"user", "rate_1h",            "rate",       "*", "", "1h", "Events per minute over the last hour"},
  {"user", "adds_24h",           "count",      "add_to_cart", "", "24h", "Products put into carts in the last day"},
  {"user", "purchases_7d",       "count",      "purchase", "", "7d", "Purchases of the last week"},
  {"user", "spend_7d",           "sum",        "purchase", "price*quantity", "7d", "Worth of the purchases of the last week"},
  {"user", "errors_24h",         "count",      "error", "", "24h", "Errors met in the last day"},
  {"user", "session_events",     "count",      "*", "", "session", "Events since the last silence of more than 30 minutes"},

  {"session", "page_views",         "count",      "page_view | product_view", "", "all_time", "Pages seen"},
  {"session", "product_views",      "count",      products, "", "all_time", "Product pages seen"},
  {"session", "product_seconds",    "seconds",    products, "", "all_time", "Time on product pages"},
  {"session", "adds",               "count",      "add_to_cart", "", "all_time", "Products put in"},
  {"session", "removes",            "count",      "remove_from_cart", "", "all_time", "Products taken out"},
  {"session", "purchases",          "count",      "purchase", "", "all_time", "Purchases"},
  {"session", "searches",           "count",      "search", "", "all_time", "Searches"},
  {"session", "spend",              "sum",        "purchase", "price*quantity", "all_time", "Worth of the purchases"},
  {"session", "min_price",          "min",        products, "price", "all_time", "Cheapest product seen"},
  {"session", "max_price",          "max",        products, "price", "all_time", "Dearest product seen"},
  {"session", "mean_price",         "mean",       products, "price", "all_time", "Mean price of the products seen"},
  {"session", "distinct_products",  "distinct",   "*", "product_id", "all_time", "Different products met"},
  {"session", "hour",               "hour",       "*", "", "all_time", "Hour of the latest event, 0-23, UTC"},
  {"session", "last_event_seconds", "time_since", "*", "", "all_time", "Silence so far"},
  {"session", "events_5m",          "count",      "*", "", "5m", "Events of the last 5 minutes"},
  {"session", "rate_5m",            "rate",       "*", "", "5m", "Events per minute over the last 5 minutes"},
};
// clang-format on

Definition definition_of(const DefaultRow& row) {
  return {std::string(row.entity), std::string(row.name),  std::string(row.aggregate),
          std::string(row.events), std::string(row.value), std::string(row.window),
          std::string(row.about)};
}

}  // namespace

std::vector<Definition> default_definitions() {
  std::vector<Definition> all;
  for (const DefaultRow& row : defaults) all.push_back(definition_of(row));
  return all;
}

}  // namespace headrace::features
