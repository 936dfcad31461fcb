#include "search/fitness.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace perfmodel {

double geometric_mean(const std::vector<double>& values) {
  if (values.empty()) return 0;
  double sum = 0;
  for (const double value : values) {
    if (!(value > 0)) return 0;
    sum += std::log(value);
  }
  return std::exp(sum / static_cast<double>(values.size()));
}

Fitness refused(std::string reason, std::size_t configurations) {
  Fitness fitness;
  fitness.tflops.assign(configurations, 0.0);
  fitness.refusal = std::move(reason);
  return fitness;
}

std::string fitness_json(const Fitness& fitness) {
  nlohmann::json json{{"tflops", fitness.tflops}, {"geomean", fitness.geomean}, {"measured", fitness.measured}};
  if (fitness.upper > 0) json["upper"] = fitness.upper;
  if (fitness.spread > 0) json["spread"] = fitness.spread;
  if (!fitness.limiters.empty()) json["limiters"] = fitness.limiters;
  if (!fitness.refusal.empty()) json["refusal"] = fitness.refusal;
  if (!fitness.defer.empty()) json["defer"] = fitness.defer;
  if (fitness.overrun > 0) json["overrun"] = fitness.overrun;
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Fitness read_fitness(const std::string& text) {
  const auto json = nlohmann::json::parse(text);
  Fitness fitness;
  fitness.tflops = json.at("tflops").get<std::vector<double>>();
  fitness.geomean = json.at("geomean");
  fitness.measured = json.at("measured");
  fitness.upper = json.value("upper", 0.0);
  fitness.spread = json.value("spread", 0.0);
  fitness.limiters = json.value("limiters", std::vector<std::string>());
  fitness.refusal = json.value("refusal", "");
  fitness.defer = json.value("defer", std::vector<std::string>());
  fitness.overrun = json.value("overrun", 0.0);
  return fitness;
}

}  // namespace perfmodel
