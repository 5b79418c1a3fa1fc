// models/*.json inside the program, taken in by the assembler (which searches the include path).
// A new file needs a line here; CMake must know them too (OBJECT_DEPENDS), or a change goes unnoticed.
#include "src/scoring/embedded.h"

#define HEADRACE_EMBED(name)                                                           \
  asm(".pushsection .rodata\n"                                                         \
      ".balign 64\n"                                                                   \
      "headrace_model_" #name                                                          \
      ":\n"                                                                            \
      ".incbin \"models/" #name                                                        \
      ".json\"\n"                                                                      \
      "headrace_model_" #name                                                          \
      "_end:\n"                                                                        \
      ".byte 0\n"                                                                      \
      ".popsection\n");                                                                \
  extern "C" __attribute__((visibility("hidden"))) const char headrace_model_##name[], \
      headrace_model_##name##_end[]

HEADRACE_EMBED(cart_abandonment);
HEADRACE_EMBED(churn_prediction);
HEADRACE_EMBED(lead_scoring);

#undef HEADRACE_EMBED

namespace headrace {

std::span<const std::string_view> embedded_models() {
  static const std::string_view models[] = {
      {headrace_model_cart_abandonment, headrace_model_cart_abandonment_end},
      {headrace_model_churn_prediction, headrace_model_churn_prediction_end},
      {headrace_model_lead_scoring, headrace_model_lead_scoring_end},
  };
  return models;
}

}  // namespace headrace
